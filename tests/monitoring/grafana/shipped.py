"""The dashboards that are shipped, and the expressions in them."""

import json
import re

from monitoring.grafana.source.files import FOLDER

CHOSEN = {"datasource": "taskyard-prometheus", "console": "http://localhost"}
"""What variables are filled with; all others with what lets everything through."""

OF_GRAFANA = {"$__rate_interval": "1m", "$__range": "3h", "$__interval": "15s"}


def dashboards():
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    """Return (title of the panel, expression) for all queries of a dashboard."""
    return [(panel["title"], target["expr"]) for panel in panels(dashboard) for target in panel["targets"]]


def variables(dashboard):
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def filled(expression):
    """Return an expression as Grafana asks it, with all of everything chosen."""
    for name, value in OF_GRAFANA.items():
        expression = expression.replace(name, value)
    return re.sub(r"\$\{?(\w+)\}?", lambda found: CHOSEN.get(found[1], ".*"), expression)
