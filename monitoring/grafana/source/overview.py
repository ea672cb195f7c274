"""The first page: is all well, and if not, where."""

from taskyard_monitoring.metrics import names

from . import shared
from .page import Page, Row
from .panels import KEEP, at_least, figure, lines, listing, up_to
from .queries import Scope

VARIABLES = ("site", "engine", "queue")
SCOPE = Scope(*VARIABLES)

ALIVE = SCOPE.state(names.WORKERS, "site, engine", 'state="alive"')
AWAY = SCOPE.state(names.WORKERS, "site, engine, state", 'state=~"silent|lost"')
LATE = f"{SCOPE.state(names.SCHEDULE_OVERDUE, 'site, schedule')} > 120"
ASLEEP = f"{SCOPE.state(names.SCHEDULE_PAUSED, 'site, schedule')} == 1"

FIRING = 'ALERTS{alertname=~"Taskyard.+", alertstate="firing", site=~"$site"}'
ALERTED = ("alertname", "severity", "site", "engine", "queue", "task", "schedule", "instance")

HEALTH = [
    shared.oldest_waiting(SCOPE),
    shared.failure_ratio(SCOPE, "5m", "5 minutes"),
    shared.failure_ratio(SCOPE, "1h", "hour"),
    shared.longest_running(SCOPE),
    figure(
        "Workers alive",
        "Worker processes that gave a sign of life of late.",
        f"sum({ALIVE})",
        thresholds=at_least(1),
    ),
    figure(
        "Workers away",
        "Worker processes that are silent, or were declared lost within the last day.",
        f"sum({AWAY})",
        thresholds=up_to(1, 5),
    ),
    figure(
        "Schedules overdue",
        "Schedules whose time passed more than two minutes ago and that have not fired; paused ones "
        "do not count.",
        f"count({LATE} unless on (site, schedule) ({ASLEEP})) or vector(0)",
        thresholds=up_to(1, 2),
    ),
    figure(
        "Database",
        "Whether the jobs' database answered the site in time.",
        f"min({SCOPE.state(names.UP, 'site')})",
        thresholds=at_least(1),
        texts={0: "away", 1: "answers"},
    ),
]

WORK = [
    shared.throughput(SCOPE),
    shared.in_and_out(SCOPE),
    shared.failure_ratios(SCOPE, "queue"),
    shared.errors(SCOPE),
    shared.second_tries(SCOPE),
    lines(
        "Longest running by task",
        "How long each task's longest running attempt has been running. The alert comes at an hour.",
        {"{{task}}": SCOPE.state(names.LONGEST_RUNNING, "task")},
        unit="s",
        thresholds=shared.RUN_STEPS,
        links=["task"],
    ),
]

WAITING = [shared.backlog(SCOPE), shared.oldest(SCOPE), shared.by_state(SCOPE)]

TIMES = [
    shared.waits(SCOPE),
    lines(
        "Queue wait, p95 by queue",
        "How long nineteen of twenty jobs waited at most.",
        {"{{queue}}": SCOPE.quantile(0.95, names.QUEUE_WAIT, "queue")},
        unit="s",
        links=["queue"],
    ),
    shared.wait_heat(SCOPE),
    shared.runs(SCOPE),
    lines(
        "Run time, p95 by queue",
        "How long nineteen of twenty attempts ran at most.",
        {"{{queue}}": SCOPE.quantile(0.95, names.RUN, "queue")},
        unit="s",
        links=["queue"],
    ),
    shared.run_heat(SCOPE),
]

FLEET = [
    shared.slots(SCOPE),
    shared.outbox(SCOPE),
    lines(
        "How late schedules fired",
        "From a schedule's latest slot to the job it brought about.",
        {"{{schedule}}": SCOPE.state(names.SCHEDULE_LATENESS, "schedule")},
        unit="s",
    ),
    shared.top_tasks(SCOPE),
    listing(
        "Alerts",
        "Taskyard's alerts that are firing; each has a runbook. Empty is good.",
        {"Firing": (f"max by ({', '.join(ALERTED)}) ({FIRING})", "bool_yes_no")},
        by=ALERTED,
        sort="Firing",
        links={
            "queue": f"/d/taskyard-queue?var-queue=${{__value.text}}&{KEEP}",
            "task": f"/d/taskyard-task?var-task=${{__value.text}}&{KEEP}",
        },
    ),
]

PAGE = Page(
    uid="taskyard-overview",
    title="Taskyard / Overview",
    description="Is all well, and if not, where.",
    variables=VARIABLES,
    rows=[
        Row("Health", HEALTH),
        Row("Work", WORK),
        Row("What waits", WAITING),
        Row("How long it takes", TIMES),
        Row("Fleet, outbox, schedules, tasks", FLEET),
    ],
)
