"""Which jobs somebody may see: their own, or all; a site may have a rule of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.utils.module_loading import import_string

from taskyard.ownership import owner_key

from .conf import settings
from .console.viewer import viewer_of


class Owned(Protocol):
    """A job, or what is known of one."""

    @property
    def owner(self) -> str | None:
        """Key of the user who had it enqueued."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Some of the jobs, by whose they are."""

    everything: bool = False
    owners: frozenset[str] = frozenset()
    """Keys of the users whose jobs these are, as `taskyard.ownership.owner_key` returns them."""

    @classmethod
    def of_users(cls, *keys: object) -> Self:
        """Return the jobs of the users with these primary keys."""
        return cls(owners=frozenset(map(owner_key, keys)))

    def condition(self) -> Q:
        """Return the condition that a job is one of these."""
        return Q() if self.everything else Q(owner__in=sorted(self.owners))

    def includes(self, job: Owned) -> bool:
        """Tell whether a job is one of these."""
        return self.everything or job.owner in self.owners


EVERYTHING = Scope(everything=True)
NOTHING = Scope()


def scope_of(user: Any) -> Scope:
    """Return which jobs a user may see, by the site's rule `TASKYARD_MONITORING["JOB_SCOPE"]`, or by ours.

    It may ask the database for the user's permissions, so it is called from synchronous code.

    Raises:
        ImproperlyConfigured: where the site's rule cannot be imported, or returns something else.
    """
    scope = _rule()(user)
    if not isinstance(scope, Scope):
        raise ImproperlyConfigured(
            f"TASKYARD_MONITORING['JOB_SCOPE'] must return a taskyard_monitoring.scope.Scope, not {scope!r}."
        )
    return scope


def own_jobs(user: Any) -> Scope:
    """Return all jobs to those who may see the console, to others their own, and to strangers none."""
    if not user.is_authenticated:
        return NOTHING
    return EVERYTHING if viewer_of(user).may_view else Scope.of_users(user.pk)


def _rule() -> Callable[[Any], Any]:
    if not settings.JOB_SCOPE:
        return own_jobs
    try:
        rule: Callable[[Any], Any] = import_string(settings.JOB_SCOPE)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"TASKYARD_MONITORING['JOB_SCOPE'] {settings.JOB_SCOPE!r} cannot be imported: {error}"
        ) from error
    return rule
