"""One task."""

from taskyard_monitoring.metrics import names

from . import shared
from .page import Page, Row
from .panels import figure, lines
from .queries import Scope

VARIABLES = ("site", "engine", "queue", "task")
SCOPE = Scope(*VARIABLES)

TOTAL = SCOPE.total_time(names.RUN, "site")
ATTEMPTS = SCOPE.of(names.RUN, suffix="_count")
MEAN = f"{TOTAL} / sum by (site) (increase({ATTEMPTS}[$__range]))"

NOW = [
    figure("Runs", "Attempts that began in the time shown.", SCOPE.count(names.STARTED)),
    figure(
        "Failed",
        "Jobs that failed for good in the time shown.",
        SCOPE.count(names.FINISHED, more='outcome="failed"'),
    ),
    figure("Retried", "Failed attempts in the time shown that were repeated.", SCOPE.count(names.RETRIED)),
    figure("Mean run time", "Of the attempts in the time shown.", MEAN, unit="s"),
    shared.longest_running(SCOPE),
    shared.failure_ratio(SCOPE, "5m", "5 minutes"),
    shared.failure_ratio(SCOPE, "1h", "hour"),
    figure(
        "Total run time",
        "What the task has taken of the workers' time in the time shown.",
        f"sum({SCOPE.total_time(names.RUN, 'task')})",
        unit="s",
    ),
]

WORK = [shared.throughput(SCOPE), shared.in_and_out(SCOPE), shared.failure_ratios(SCOPE, "queue")]

TIMES = [
    shared.waits(SCOPE),
    shared.runs(SCOPE),
    shared.ends(SCOPE),
    shared.wait_heat(SCOPE),
    shared.run_heat(SCOPE),
    lines(
        "Longest running",
        "How long the longest running attempt has been running, by queue and engine. The alert comes "
        "at an hour.",
        {"{{queue}} ({{engine}})": SCOPE.state(names.LONGEST_RUNNING, "queue, engine")},
        unit="s",
        thresholds=shared.RUN_STEPS,
        links=["queue"],
    ),
]

PAGE = Page(
    uid="taskyard-task",
    title="Taskyard / Task",
    description="One task: how often it runs, how long, and how it fails.",
    variables=VARIABLES,
    single="task",
    console="/jobs/?q=task:${task:percentencode}",
    rows=[
        Row("Now", NOW),
        Row("Work", WORK),
        Row("How long it takes", TIMES),
        Row("Trouble", [shared.errors(SCOPE), shared.second_tries(SCOPE)]),
    ],
)
