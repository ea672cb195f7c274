"""The page on metrics names no metric that there is not; its tables are read from the code."""

import re
from pathlib import Path

from taskyard_monitoring.metrics.names import METRICS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def test_no_other_metric_is_named():
    named = set(re.findall(r"taskyard_[a-z_]+", PAGE.read_text()))

    assert named - {metric.name for metric in METRICS} == {"taskyard_monitoring"}
