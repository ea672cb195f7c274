"""Panels that several dashboards have, each looking at what is its own."""

from grafana_foundation_sdk.builders import heatmap, stat, table, timeseries

from taskyard_monitoring.metrics import names
from taskyard_monitoring.metrics.names import Metric

from .panels import KEEP, figure, heat, lines, listing, up_to
from .queries import Scope

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

FAILURE_STEPS = up_to(0.01, 0.05)
WAIT_STEPS = up_to(60, 300)
RUN_STEPS = up_to(1800, 3600)


def oldest_waiting(scope: Scope) -> stat.Panel:
    """Return how long the job waits that waits longest."""
    return figure(
        "Oldest waiting",
        "How long the job waits that has been waiting longest. Paused queues are left out. The alert "
        "comes at five minutes.",
        f"max({scope.unpaused(names.OLDEST_WAITING)})",
        unit="s",
        thresholds=WAIT_STEPS,
    )


def failure_ratio(scope: Scope, span: str, words: str) -> stat.Panel:
    """Return which share of jobs has failed."""
    return figure(
        f"Failed, {words}",
        f"Share of the jobs that finished in the last {words} and have failed for good; cancelled ones "
        "do not count.",
        scope.failure_ratio(span=span),
        unit="percentunit",
        thresholds=FAILURE_STEPS,
    )


def longest_running(scope: Scope) -> stat.Panel:
    """Return how long the longest running job runs."""
    return figure(
        "Longest running",
        "How long the attempt runs that has been running longest: after an hour it may be stuck, and "
        "the alert comes.",
        f"max({scope.state(names.LONGEST_RUNNING, 'task')})",
        unit="s",
        thresholds=RUN_STEPS,
    )


def waiting(scope: Scope) -> stat.Panel:
    """Return how many jobs wait."""
    return figure(
        "Waiting",
        "Jobs that a worker may take. No more than 10,000 are counted in a queue.",
        "sum(" + scope.state(names.JOBS, "site, engine, queue", 'state="waiting"') + ")",
    )


def throughput(scope: Scope) -> timeseries.Panel:
    """Return how many jobs finish, by outcome."""
    return lines(
        "Finished per second",
        "Jobs that finished, by outcome.",
        {"{{outcome}}": scope.rate(names.FINISHED, "outcome")},
        unit="ops",
        stacked=True,
    )


def in_and_out(scope: Scope) -> timeseries.Panel:
    """Return what comes in beside what is done."""
    return lines(
        "In and out per second",
        "What comes in, what is begun and what is done. A backlog grows where more comes in than is begun; "
        "more is begun than done where attempts are repeated.",
        {
            "enqueued": scope.rate(names.ENQUEUED),
            "started": scope.rate(names.STARTED),
            "finished": scope.rate(names.FINISHED),
        },
        unit="ops",
    )


def failure_ratios(scope: Scope, by: str) -> timeseries.Panel:
    """Return which share of jobs fails."""
    return lines(
        "Failure ratio",
        "Share of finished jobs that have failed for good; cancelled ones do not count. The alert "
        "comes at 5 % of a task.",
        {f"{{{{{by}}}}}": scope.failure_ratio(by)},
        unit="percentunit",
        most=1,
        thresholds=FAILURE_STEPS,
        links=[by] if by in {"queue", "task"} else [],
    )


def backlog(scope: Scope, by: str = "queue") -> timeseries.Panel:
    """Return how many jobs wait, queue by queue."""
    waiting_jobs = scope.state(names.JOBS, "site, engine, queue", 'state="waiting"')
    return lines(
        "Backlog",
        "Jobs that a worker may take, those of paused queues included. No more than 10,000 are "
        "counted in a queue.",
        {f"{{{{{by}}}}}": f"sum by ({by}) ({waiting_jobs})"},
        stacked=True,
        links=[by] if by == "queue" else [],
    )


def oldest(scope: Scope) -> timeseries.Panel:
    """Return how long the oldest waits, queue by queue."""
    return lines(
        "Age of the oldest waiting job",
        "What people feel of a backlog. Paused queues are left out. The alert comes at five minutes.",
        {"{{queue}} ({{engine}})": scope.unpaused(names.OLDEST_WAITING)},
        unit="s",
        thresholds=WAIT_STEPS,
        links=["queue"],
    )


def by_state(scope: Scope) -> timeseries.Panel:
    """Return how many jobs are in which state."""
    jobs = scope.state(names.JOBS, "site, engine, queue, state")
    return lines(
        "Jobs by state",
        "Those not finished, and those failed that are still kept. No more than 10,000 are counted in "
        "a queue.",
        {"{{state}}": f"sum by (state) ({jobs})"},
    )


def percentiles(scope: Scope, metric: Metric, title: str, description: str) -> timeseries.Panel:
    """Return half, most and nearly all of a histogram's values."""
    queries = {name: scope.quantile(share, metric) for name, share in SHARES.items()}
    return lines(title, description, queries, unit="s")


def waits(scope: Scope) -> timeseries.Panel:
    """Return how long jobs wait for a worker."""
    return percentiles(
        scope,
        names.QUEUE_WAIT,
        "Queue wait",
        "How long jobs waited for a worker from when they could have run; what was put off on purpose "
        "does not count.",
    )


def runs(scope: Scope) -> timeseries.Panel:
    """Return how long attempts run."""
    return percentiles(scope, names.RUN, "Run time", "How long attempts ran, failed ones included.")


def ends(scope: Scope) -> timeseries.Panel:
    """Return how long jobs take from end to end."""
    return percentiles(
        scope,
        names.END_TO_END,
        "End to end",
        "From when jobs could have run to when they were finished, all attempts and the delays "
        "between them included.",
    )


def wait_heat(scope: Scope) -> heatmap.Panel:
    """Return how waits are spread."""
    return heat("Queue wait, spread", "How many jobs waited for how long.", scope.heat(names.QUEUE_WAIT))


def run_heat(scope: Scope) -> heatmap.Panel:
    """Return how run times are spread."""
    return heat("Run time, spread", "How many attempts ran for how long.", scope.heat(names.RUN))


def second_tries(scope: Scope) -> timeseries.Panel:
    """Return how much is done again."""
    return lines(
        "Retried and rescued per second",
        "Attempts that failed and are repeated, and jobs taken from workers that died. Rescues in "
        "numbers mean that"
        "workers are killed: for want of memory, or by a task.",
        {"retried": scope.rate(names.RETRIED), "rescued": scope.rate(names.RESCUED)},
        unit="ops",
    )


def errors(scope: Scope) -> timeseries.Panel:
    """Return which errors there are."""
    return lines(
        "Errors by class",
        "Attempts that failed, also those that were repeated, by the class of the error.",
        {"{{exception}}": scope.rate(names.FAILURES, "exception")},
        unit="ops",
        stacked=True,
    )


def top_tasks(scope: Scope) -> table.Panel:
    """Return the tasks that take most of the workers' time."""
    total = scope.total_time(names.RUN, "task")
    return listing(
        "Tasks by total run time",
        "What the workers spent their time on in the time shown: the thirty tasks that took most of it.",
        {
            "Total run time": (f"topk(30, {total})", "s"),
            "Runs": (scope.count(names.STARTED, "task"), "short"),
            "Failed": (scope.count(names.FINISHED, "task", 'outcome="failed"'), "short"),
            "Retried": (scope.count(names.RETRIED, "task"), "short"),
            "Mean run time": (
                f"{total} / (sum by (task) (increase({scope.of(names.RUN, suffix='_count')}[$__range])) > 0)",
                "s",
            ),
        },
        by=["task"],
        sort="Total run time",
        links={"task": f"/d/taskyard-task?var-task=${{__value.text}}&{KEEP}"},
    )


def outbox(scope: Scope) -> timeseries.Panel:
    """Return what has not reached its engine."""
    return lines(
        "Outbox",
        "Jobs that are due and not delivered to their engine: more than a few for longer than seconds "
        "mean that the"
        "broker or the dispatchers are away.",
        {
            "{{engine}}": scope.state(names.OUTBOX_PENDING, "engine"),
            "{{engine}}, age of the oldest in seconds": scope.state(names.OUTBOX_OLDEST, "engine"),
        },
    )


def slots(scope: Scope) -> timeseries.Panel:
    """Return how many jobs could run and do."""
    return lines(
        "Slots",
        "How many jobs the living workers can run at once, and how many they do.",
        {
            "{{engine}}: all": scope.state(names.SLOTS, "engine"),
            "{{engine}}: busy": scope.state(names.SLOTS_BUSY, "engine"),
        },
    )
