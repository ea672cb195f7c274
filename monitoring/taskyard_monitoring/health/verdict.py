"""How something does, and how to find out where the database may not answer."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from http import HTTPStatus
from typing import Any

from django.db import DatabaseError

from taskyard.exceptions import NotMigrated
from taskyard_monitoring.metrics.asking import Asked

logger = logging.getLogger(__name__)

TOO_LONG = timedelta(seconds=60)
"""For so long a job may wait, a worker with free slots may claim nothing, and a dispatcher may do nothing."""

TIME_TO_ANSWER = 3.0
"""Seconds after which the database counts as out of reach."""

GOOD_FOR = 2.0
"""Seconds for which a verdict holds, however many ask."""


class Health(Enum):
    """How something does."""

    OK = "ok"
    UNKNOWN = "unknown"
    """Nobody can tell, and a restart would not help."""

    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How something does, and why."""

    health: Health
    reasons: list[str] = field(default_factory=list)

    @property
    def status(self) -> HTTPStatus:
        """What to answer whoever asks over HTTP."""
        return HTTPStatus.SERVICE_UNAVAILABLE if self.health is Health.BAD else HTTPStatus.OK

    def as_data(self) -> dict[str, Any]:
        """Return what to tell as JSON."""
        return {"status": self.health.value, "reasons": self.reasons}


def judged(found: Iterable[Verdict]) -> Verdict:
    """Return the worst of what was found, with all reasons."""
    found = list(found)
    worst = max((each.health for each in found), key=list(Health).index, default=Health.OK)
    return Verdict(worst, [reason for each in found for reason in each.reasons])


def carefully(question: Asked[Verdict]) -> Verdict:
    """Return the answer, "unknown" where the database gives none in time."""
    try:
        return question.answer(TIME_TO_ANSWER)
    except TimeoutError:
        return Verdict(Health.UNKNOWN, [f"The jobs' database has not answered for {TIME_TO_ANSWER:.0f} s."])
    except NotMigrated as error:
        return Verdict(Health.UNKNOWN, [str(error)])
    except DatabaseError as error:
        logger.warning("Cannot tell how things are: %s", error)
        return Verdict(Health.UNKNOWN, ["The jobs' database does not answer."])
    except Exception:
        logger.exception("Cannot tell how things are.")
        return Verdict(Health.UNKNOWN, ["Looking failed; the log says why."])


def in_seconds(length: timedelta) -> str:
    """Return a length of time as reasons name it."""
    return f"{length.total_seconds():.0f} s"
