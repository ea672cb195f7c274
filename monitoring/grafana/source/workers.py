"""The fleet."""

from taskyard_monitoring.metrics import names

from . import shared
from .page import Page, Row
from .panels import at_least, figure, lines, listing, up_to
from .queries import Scope

VARIABLES = ("site", "engine")
SCOPE = Scope(*VARIABLES)

BY_STATE = SCOPE.state(names.WORKERS, "site, engine, state")
BUSY = SCOPE.state(names.SLOTS_BUSY, "site, engine")
SLOTS = SCOPE.state(names.SLOTS, "site, engine")
HEARD = SCOPE.state(names.WORKER_HEARTBEAT, "site, engine, worker")
DISPATCHED = SCOPE.rate(names.DISPATCHER_ROUNDS, "instance")


def workers(state: str) -> str:
    """Return how many workers are in a state."""
    return "sum(" + SCOPE.state(names.WORKERS, "site, engine", f'state="{state}"') + ")"


NOW = [
    figure(
        "Alive",
        "Processes that gave a sign of life of late.",
        workers("alive"),
        thresholds=at_least(1),
        width=4,
    ),
    figure(
        "Silent",
        "Processes that have missed a sign of life, and are not given up yet.",
        workers("silent"),
        thresholds=up_to(1, 3),
        width=4,
    ),
    figure(
        "Lost",
        "Processes that were given up within the last day, and whose jobs were taken from them.",
        workers("lost"),
        thresholds=up_to(1, 3),
        width=4,
    ),
    figure("Slots", "How many jobs can run at once.", f"sum({SLOTS})", width=4),
    figure("Busy", "How many jobs run.", f"sum({BUSY})", width=4),
    figure(
        "Saturation",
        "Share of the slots that are busy. The alert comes at 90 % for a quarter of an hour while jobs wait.",
        f"sum({BUSY}) / (sum({SLOTS}) > 0)",
        unit="percentunit",
        thresholds=up_to(0.8, 0.9),
        width=4,
    ),
]

OVER_TIME = [
    lines(
        "Workers",
        "Processes by state.",
        {"{{state}}": f"sum by (state) ({BY_STATE})"},
    ),
    shared.slots(SCOPE),
    lines(
        "Saturation",
        "Share of the slots that are busy.",
        {"{{engine}}": f"{BUSY} / ({SLOTS} > 0)"},
        unit="percentunit",
        most=1,
        thresholds=up_to(0.8, 0.9),
    ),
]

PROCESSES = [
    lines(
        "Started per second, by process",
        "Attempts that began, by what Prometheus reads from. One that falls behind has trouble of its own.",
        {"{{instance}}": SCOPE.rate(names.STARTED, "instance")},
        unit="ops",
        stacked=True,
    ),
    lines(
        "Rounds of dispatchers",
        "Once a second or more often each dispatcher looks for what is due. One at work is enough.",
        {"{{instance}}": DISPATCHED},
        unit="ops",
    ),
    shared.second_tries(SCOPE),
    shared.outbox(SCOPE),
    listing(
        "Latest signs of life",
        "For how long each process has not been heard. After 45 seconds its jobs are taken from it.",
        {"Silent for": (f"time() - {HEARD}", "s")},
        by=["engine", "worker"],
        sort="Silent for",
        width=8,
    ),
    listing(
        "Versions",
        "Taskyard's version, on each site and worker.",
        {"Processes": (f"count by (instance, version) ({SCOPE.of(names.BUILD)})", "short")},
        by=["instance", "version"],
        sort="Processes",
        width=8,
    ),
]

PAGE = Page(
    uid="taskyard-workers",
    title="Taskyard / Workers",
    description="The fleet: who lives, how busy they are, who dispatches.",
    variables=VARIABLES,
    console="/workers/",
    rows=[Row("Now", NOW), Row("Fleet", OVER_TIME), Row("Processes", PROCESSES)],
)
