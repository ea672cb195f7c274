"""The schedules."""

from taskyard_monitoring.metrics import names

from .page import Page, Row
from .panels import figure, lines, listing, up_to
from .queries import Scope

VARIABLES = ("site", "schedule")
SCOPE = Scope(*VARIABLES)

OVERDUE = SCOPE.state(names.SCHEDULE_OVERDUE, "site, schedule")
LATENESS = SCOPE.state(names.SCHEDULE_LATENESS, "site, schedule")
PAUSED = SCOPE.state(names.SCHEDULE_PAUSED, "site, schedule")
SUCCESS = SCOPE.state(names.SCHEDULE_LAST_SUCCESS, "site, schedule")
AWAKE = f"unless on (site, schedule) ({PAUSED} == 1)"

STEPS = up_to(60, 120)

NOW = [
    figure("Schedules", "How many there are.", f"count({OVERDUE})", width=6),
    figure(
        "Paused",
        "Schedules that an operator has paused: they do not fire.",
        f"count({PAUSED} == 1) or vector(0)",
        thresholds=[(None, "green"), (1, "yellow")],
        width=6,
    ),
    figure(
        "Overdue",
        "Schedules whose time passed more than two minutes ago and that have not fired; paused ones "
        "do not count.",
        f"count({OVERDUE} > 120 {AWAKE}) or vector(0)",
        thresholds=up_to(1, 2),
        width=6,
    ),
    figure(
        "Latest at last",
        "The largest lateness of any schedule's latest slot.",
        f"max({LATENESS} {AWAKE})",
        unit="s",
        thresholds=STEPS,
        width=6,
    ),
]

OVER_TIME = [
    lines(
        "Overdue",
        "For how long a schedule's next slot is past. It should be nothing; the alert comes at two minutes.",
        {"{{schedule}}": f"{OVERDUE} {AWAKE}"},
        unit="s",
        thresholds=STEPS,
        width=12,
    ),
    lines(
        "Lateness",
        "From a schedule's latest slot to the job it brought about.",
        {"{{schedule}}": LATENESS},
        unit="s",
        width=12,
    ),
]

ALL = [
    listing(
        "All schedules",
        "When each last brought about a job that succeeded, and how late the latest was.",
        {
            "Last success": (f"time() - {SUCCESS}", "s"),
            "Lateness": (LATENESS, "s"),
            "Overdue": (OVERDUE, "s"),
            "Paused": (PAUSED, "bool_yes_no"),
        },
        by=["site", "schedule"],
        sort="Last success",
        width=24,
    ),
]

PAGE = Page(
    uid="taskyard-schedules",
    title="Taskyard / Schedules",
    description="Whether schedules fire, and in time.",
    variables=VARIABLES,
    console="/schedules/",
    rows=[Row("Now", NOW), Row("Over time", OVER_TIME), Row("Each", ALL)],
)
