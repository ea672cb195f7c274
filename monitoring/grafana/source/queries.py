"""Expressions for Prometheus, over the metrics as `names` knows them."""

from taskyard_monitoring.metrics import names
from taskyard_monitoring.metrics.names import Metric

FILTERS = {
    "site": 'site=~"$site"',
    "engine": 'engine=~"$engine"',
    "queue": 'queue=~"$queue"',
    "task": 'task=~"$task"',
    "schedule": 'schedule=~"$schedule"',
}
"""What a dashboard's variables leave of a metric with that label."""

FINISHED = 'outcome=~"succeeded|failed"'
"""The outcomes of which a failure ratio is made: nobody failed at what was cancelled."""


class Scope:
    """What a dashboard looks at: the variables it has.

    Args:
        variables: their names, which are labels as well.
    """

    def __init__(self, *variables: str) -> None:
        self.variables = variables

    def of(self, metric: Metric, more: str = "", suffix: str = "") -> str:
        """Return a metric's series, as far as the variables let them through."""
        labels = {"site", *metric.labels}
        filters = [FILTERS[name] for name in self.variables if name in labels]
        return f"{metric.name}{suffix}{{{', '.join(filters + ([more] if more else []))}}}"

    def rate(self, metric: Metric, by: str = "", more: str = "", span: str = "$__rate_interval") -> str:
        """Return how often something happens per second."""
        return _sum(f"rate({self.of(metric, more)}[{span}])", by)

    def count(self, metric: Metric, by: str = "", more: str = "") -> str:
        """Return how often something happened in the time that the page shows."""
        return _sum(f"increase({self.of(metric, more)}[$__range])", by)

    def quantile(self, share: float, metric: Metric, by: str = "") -> str:
        """Return what a share of a histogram's values stays below."""
        buckets = self.of(metric, suffix="_bucket")
        by = f"le, {by}" if by else "le"
        return f"histogram_quantile({share}, sum by ({by}) (rate({buckets}[$__rate_interval])))"

    def heat(self, metric: Metric) -> str:
        """Return how many values fell into which bucket."""
        return f"sum by (le) (increase({self.of(metric, suffix='_bucket')}[$__rate_interval]))"

    def total_time(self, metric: Metric, by: str) -> str:
        """Return the sum of a histogram's values in the time that the page shows."""
        return f"sum by ({by}) (increase({self.of(metric, suffix='_sum')}[$__range]))"

    def failure_ratio(self, by: str = "", span: str = "$__rate_interval") -> str:
        """Return which share of the jobs that finished has failed for good."""
        failed = self.rate(names.FINISHED, by, 'outcome="failed"', span)
        finished = self.rate(names.FINISHED, by, FINISHED, span)
        return f"{failed} / ({finished} > 0)"

    def state(self, metric: Metric, by: str, more: str = "") -> str:
        """Return what the database says; every replica of the site says the same, so one will do."""
        return f"max by ({by}) ({self.of(metric, more)})"

    def unpaused(self, metric: Metric, by: str = "site, engine, queue", more: str = "") -> str:
        """Return the same, less the queues that somebody has paused."""
        paused = f"max by (site, queue) ({self.of(names.QUEUE_PAUSED)}) == 1"
        return f"{self.state(metric, by, more)} unless on (site, queue) ({paused})"


def _sum(expression: str, by: str) -> str:
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"
