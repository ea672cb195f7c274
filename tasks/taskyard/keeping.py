"""How long finished jobs are kept: one time for all, or one for each state they may finish in."""

from collections.abc import Mapping
from datetime import timedelta

from .states import FINISHED, JobState

Retention = timedelta | Mapping[str, timedelta]
"""A time for all finished jobs, or times by state, such as `{"SUCCESSFUL": timedelta(days=1)}`."""

LONGEST_RETENTION = timedelta(days=36_500)
"""A century; beyond it the end of a job's retention leaves the calendar."""

USUAL_RETENTION = timedelta(days=7)
"""For states of which neither policy nor backend says anything."""


def check_retention(retention: object) -> None:
    """Refuse what is no retention.

    Raises:
        ValueError: saying what to give instead.
    """
    times = retention if isinstance(retention, Mapping) else dict.fromkeys(FINISHED, retention)
    if unknown := sorted(str(state) for state in times if state not in FINISHED):
        raise ValueError(
            f"{', '.join(unknown)}: no state that a job finishes in; those are {', '.join(sorted(FINISHED))}."
        )
    for time in times.values():
        if not isinstance(time, timedelta) or not timedelta(0) <= time <= LONGEST_RETENTION:
            raise ValueError(
                f"{time!r}: give a timedelta from 0 to {LONGEST_RETENTION.days} days, or a mapping of "
                f"{', '.join(sorted(FINISHED))} to such."
            )


def kept_for(state: JobState, *said: Retention | None) -> timedelta:
    """Return how long a job is kept that finished in this state, by the first who says something about it.

    Args:
        state: in which the job finished.
        said: by whom it matters most first: the task's policy, then the backend's options.
    """
    for retention in said:
        if isinstance(retention, timedelta):
            return retention
        if retention is not None and state in retention:
            return retention[state]
    return USUAL_RETENTION
