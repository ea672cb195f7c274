"""Write our rules as the Prometheus operator reads them: `python -m compose.kubernetes.prometheus_rules`.

The rules themselves are in monitoring/prometheus/rules and are changed there. kustomize reads no file from
outside its folder, so their copy is committed, and a test compares the two.
"""  # noqa: INP001 - the folder is no package: it holds manifests

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
RULES = FOLDER.parents[1] / "monitoring" / "prometheus" / "rules"
TARGET = FOLDER / "components" / "prometheus" / "rules.yaml"

SHIPPED = ["recording.yml", "alerts.yml"]

HEADER = """\
# From monitoring/prometheus/rules, by `python -m compose.kubernetes.prometheus_rules`: change it there.
"""


def manifest() -> dict[str, Any]:
    """Return the rules as one PrometheusRule."""
    groups = [group for name in SHIPPED for group in yaml.safe_load((RULES / name).read_text())["groups"]]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "taskyard"},
        "spec": {"groups": groups},
    }


def text() -> str:
    """Return the file's text."""
    return HEADER + yaml.safe_dump(manifest(), sort_keys=False, width=120)


if __name__ == "__main__":
    TARGET.write_text(text())
