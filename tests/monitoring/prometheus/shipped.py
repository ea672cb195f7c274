"""What monitoring/prometheus ships, as data, and the names of metrics in expressions."""

import re
import shutil
from pathlib import Path

import yaml

from taskyard_monitoring.metrics.names import METRICS

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "monitoring" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"

OF_A_HISTOGRAM = ("_bucket", "_sum", "_count")
SUFFIXES = {"histogram": OF_A_HISTOGRAM, "counter": ("",), "gauge": ("",)}

EXPORTED = {metric.name + suffix for metric in METRICS for suffix in SUFFIXES[metric.kind]}
"""The names of all time series that Taskyard exports."""

OF_PROMETHEUS = {"up", "ALERTS"}


def rules(kind, *files):
    """Return the rules of a kind, "alert" or "record", by name; of all files, or of those named."""
    paths = [FOLDER / "rules" / file for file in files] or (FOLDER / "rules").glob("*.yml")
    found = [
        rule
        for path in paths
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if kind in rule
    ]
    by_name = {rule[kind]: rule for rule in found}
    assert len(by_name) == len(found), "a name is given twice"
    return by_name


def metric_names(expression):
    """Return the names of the metrics in an expression: ours, recorded ones and Prometheus's own."""
    without_labels = re.sub(r"\{[^{}]*\}", "{}", re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression))
    names = re.findall(r"(?<![\w:.$])[a-zA-Z_:][\w:]*", without_labels)
    return {
        name
        for name in names
        if name.startswith(("taskyard", "celery_")) or ":" in name or name in OF_PROMETHEUS
    }


def copy(folder):
    """Copy what is shipped, with a token, as somebody would who sets it up; returns where it is."""
    target = shutil.copytree(FOLDER, folder / "prometheus")
    (target / "metrics-token").write_text("a token")
    return target
