"""One queue."""

from taskyard_monitoring.metrics import names

from . import shared
from .page import Page, Row
from .panels import KEEP, figure, lines, listing
from .queries import Scope

VARIABLES = ("site", "engine", "queue")
SCOPE = Scope(*VARIABLES)

RUNNING = SCOPE.state(names.JOBS, "site, engine", 'state="running"')

NOW = [
    figure(
        "Paused",
        "Whether an operator has paused the queue: then nothing of it is started, anywhere.",
        f"max({SCOPE.of(names.QUEUE_PAUSED)}) or vector(0)",
        thresholds=[(None, "green"), (1, "yellow")],
        texts={0: "no", 1: "paused"},
    ),
    shared.waiting(SCOPE),
    shared.oldest_waiting(SCOPE),
    figure(
        "In the engine",
        "Messages that wait in the engine's own queue. What workers have fetched ahead is not among "
        "them; the"
        "embedded engine has no queue of its own.",
        f"sum({SCOPE.state(names.QUEUE_DEPTH, 'site, engine')})",
    ),
    figure("Running", "Attempts under way.", f"sum({RUNNING})"),
    shared.longest_running(SCOPE),
    shared.failure_ratio(SCOPE, "5m", "5 minutes"),
    shared.failure_ratio(SCOPE, "1h", "hour"),
]

TASKS = [
    listing(
        "Tasks of the queue",
        "What ran in the time shown.",
        {
            "Runs": (SCOPE.count(names.STARTED, "task"), "short"),
            "Failed": (SCOPE.count(names.FINISHED, "task", 'outcome="failed"'), "short"),
            "Run time p95": (SCOPE.quantile(0.95, names.RUN, "task"), "s"),
            "Queue wait p95": (SCOPE.quantile(0.95, names.QUEUE_WAIT, "task"), "s"),
        },
        by=["task"],
        sort="Runs",
        links={"task": f"/d/taskyard-task?var-task=${{__value.text}}&{KEEP}"},
    ),
    lines(
        "Run time, p95 by task",
        "How long nineteen of twenty attempts ran at most.",
        {"{{task}}": SCOPE.quantile(0.95, names.RUN, "task")},
        unit="s",
        links=["task"],
        width=12,
    ),
]

PAGE = Page(
    uid="taskyard-queue",
    title="Taskyard / Queue",
    description="One queue: what waits in it, how long, and what becomes of it.",
    variables=VARIABLES,
    single="queue",
    console="/jobs/?q=queue:${queue:percentencode}",
    rows=[
        Row("Now", NOW),
        Row(
            "Work", [shared.throughput(SCOPE), shared.in_and_out(SCOPE), shared.failure_ratios(SCOPE, "task")]
        ),
        Row("What waits", [shared.backlog(SCOPE, "engine"), shared.oldest(SCOPE), shared.by_state(SCOPE)]),
        Row("How long it takes", [shared.waits(SCOPE), shared.wait_heat(SCOPE), shared.runs(SCOPE)]),
        Row("Trouble", [shared.errors(SCOPE), shared.second_tries(SCOPE), shared.run_heat(SCOPE)]),
        Row("Tasks", TASKS),
    ],
)
