"""What all dashboards have around their panels: variables, links, times."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from taskyard_monitoring.metrics import names
from taskyard_monitoring.metrics.names import Metric

from .panels import SOURCE

CONSOLE_URL = "http://localhost:8000/console"
RUNBOOKS_URL = "https://docs.example.com/runbooks"

TAG = "taskyard"

ASKED: dict[str, tuple[Metric, str]] = {
    "site": (names.UP, "Taskyard's sites, by the label `site` of their targets."),
    "engine": (names.JOBS, "Celery, Dramatiq and so on."),
    "queue": (names.JOBS, "Queues of tasks."),
    "task": (names.STARTED, "Tasks by dotted path, of those that have run."),
    "schedule": (names.SCHEDULE_OVERDUE, "Schedules by name."),
}
"""Which metric tells the values of a variable."""


@dataclass(frozen=True)
class Row:
    """A heading and the panels below it."""

    title: str
    panels: Iterable[Any]


@dataclass(frozen=True)
class Page:
    """A dashboard.

    Args:
        variables: which it has; each is a label of the metrics.
        console: what page of the console is meant, below its address, with variables.
    """

    uid: str
    title: str
    description: str
    variables: tuple[str, ...]
    rows: Iterable[Row]
    console: str = "/"
    single: str = ""
    """The variable that has one value, the page's subject."""

    def dashboard(self, console_url: str, runbooks_url: str) -> dashboard.Dashboard:
        """Return it with Grafana's own types."""
        page = (
            builders.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([TAG])
            .time("now-3h", "now")
            .refresh("30s")
            .timezone("browser")
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        )
        for name in self.variables:
            page.with_variable(self._variable(name))
        page.with_variable(builders.TextBoxVariable("console").label("Console").default_value(console_url))
        for link in self._links(runbooks_url):
            page.link(link)
        number = 0
        for row in self.rows:
            page.with_row(builders.Row(row.title).id(number := number + 1))
            for panel in row.panels:
                page.with_panel(panel.id(number := number + 1))
        return page.build()

    def _variable(self, name: str) -> builders.QueryVariable:
        metric, explanation = ASKED[name]
        before = self.variables[: self.variables.index(name)]
        chosen = ", ".join(f'{each}=~"${each}"' for each in before if each in {"site", *metric.labels})
        variable = (
            builders.QueryVariable(name)
            .label(name.capitalize())
            .description(explanation)
            .datasource(SOURCE)
            .query(f"label_values({metric.name}{{{chosen}}}, {name})")
            .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        )
        if name == self.single:
            return variable
        everything = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
        # ".*" lets series without the label through as well.
        return variable.multi(True).include_all(True).all_value(".*").current(everything)  # noqa: FBT003

    def _links(self, runbooks_url: str) -> list[builders.DashboardLink]:
        others = (
            builders.DashboardLink("Taskyard's dashboards")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)  # noqa: FBT003
            .include_vars(True)  # noqa: FBT003
            .keep_time(True)  # noqa: FBT003
        )
        outside = {
            "Console": (f"${{console:raw}}{self.console}", "Look closer and steer, in Taskyard's console"),
            "Runbooks": (runbooks_url, "What to do when an alert comes"),
        }
        return [
            others,
            *(
                builders.DashboardLink(title)
                .type(dashboard.DashboardLinkType.LINK)
                .url(url)
                .tooltip(tooltip)
                .icon("external link")
                .target_blank(True)  # noqa: FBT003
                for title, (url, tooltip) in outside.items()
            ),
        ]
