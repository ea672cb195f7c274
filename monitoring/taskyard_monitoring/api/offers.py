"""The tasks that the API offers: those of the site that are `@exposed`."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from taskyard.compat import Task
from taskyard.enqueueing import EnqueueingBackend
from taskyard.operating.known_tasks import known_tasks
from taskyard_monitoring.exposing import Exposed, exposure_of

from .arguments import Signature, Unsuitable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """A task that somebody may enqueue."""

    task: Task
    exposed: Exposed
    signature: Signature

    @property
    def queues(self) -> list[str]:
        """The queues that a caller may choose."""
        return sorted({self.task.queue_name, *self.exposed.queues})

    def is_for(self, user: Any) -> bool:
        """Tell whether somebody may enqueue it; asks the database for their permissions."""
        return self.exposed.permission is None or user.has_perm(self.exposed.permission)


def offers() -> list[Offer]:
    """Return what the site's modules offer now, by path."""
    return [offer for offer in map(_offer, known_tasks()) if offer is not None]


def find_offer(path: str) -> Offer | None:
    """Return the offer with this path; None where there is none.

    A path is looked up among what is offered and never imported: it comes from anybody.
    """
    known = _by_path()
    if path not in known:  # a module of the site may have been loaded since
        _by_path.cache_clear()
        known = _by_path()
    return known.get(path)


@lru_cache(maxsize=1)
def _by_path() -> dict[str, Offer]:
    return {offer.task.module_path: offer for offer in offers()}


@lru_cache(maxsize=1024)
def _offer(task: Task) -> Offer | None:
    exposed = exposure_of(task)
    if exposed is None or not isinstance(task.get_backend(), EnqueueingBackend):
        return None
    try:
        return Offer(task, exposed, Signature(task))
    except Unsuitable as fault:
        logger.error("%s", fault)  # noqa: TRY400 - the system check tells it to whoever starts the site
        return None
