"""Whether all that is exposed can be offered."""

from typing import Any

from django.core.checks import CheckMessage, Error

from taskyard.operating.known_tasks import known_tasks
from taskyard_monitoring.exposing import exposure_of


def check_exposed(**_: Any) -> list[CheckMessage]:
    """Tell of exposed tasks whose arguments nobody could check."""
    exposed = [task for task in known_tasks() if exposure_of(task) is not None]
    if not exposed:
        return []  # nor is Ninja loaded, which takes as long as Django itself
    from .arguments import Signature, Unsuitable  # noqa: PLC0415

    faults: list[CheckMessage] = []
    for task in exposed:
        try:
            Signature(task)
        except Unsuitable as fault:
            hint = "Annotate its parameters with what JSON can be: str, int, list[int], a TypedDict, date, …"
            faults.append(Error(str(fault), hint=hint, obj=task.module_path, id="taskyard_monitoring.E001"))
    return faults
