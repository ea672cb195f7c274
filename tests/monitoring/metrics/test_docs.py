"""The page on metrics names what there is, and nothing else."""

import re
from pathlib import Path

from taskyard_monitoring.metrics.names import METRICS

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_every_metric_is_described_as_it_is():
    described = re.findall(
        r"^\| `(taskyard_\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", PAGE.read_text(), re.MULTILINE
    )

    assert described == [
        (metric.name, metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.help)
        for metric in METRICS
    ]


def test_no_other_metric_is_named():
    named = set(re.findall(r"taskyard_[a-z_]+", PAGE.read_text()))

    assert named - {metric.name for metric in METRICS} == {"taskyard_monitoring"}
