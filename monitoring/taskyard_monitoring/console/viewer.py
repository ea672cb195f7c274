"""Who looks at the console, as far as it matters for what a page shows."""

from dataclasses import dataclass
from enum import IntEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class Level(IntEnum):
    """What somebody may do in the console; each level includes those below."""

    NONE = 0
    VIEW = 1
    OPERATE = 2
    ADMINISTER = 3


PERMISSIONS = {
    Level.VIEW: "taskyard_monitoring.view_console",
    Level.OPERATE: "taskyard_monitoring.operate_console",
    Level.ADMINISTER: "taskyard_monitoring.administer_console",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody in front of a page. All people of one level see the same regions."""

    level: Level

    @property
    def may_view(self) -> bool:
        """Whether they may see the console."""
        return self.level >= Level.VIEW

    @property
    def may_operate(self) -> bool:
        """Whether they may steer jobs, queues and schedules."""
        return self.level >= Level.OPERATE

    @property
    def may_administer(self) -> bool:
        """Whether they may quiet and stop workers, and read the audit."""
        return self.level >= Level.ADMINISTER


def viewer_of(user: AbstractBaseUser | AnonymousUser) -> Viewer:
    """Return what a user may do: the highest level whose permission they have."""
    for level in sorted(PERMISSIONS, reverse=True):
        if user.has_perm(PERMISSIONS[level]):  # type: ignore[union-attr]
            return Viewer(level)
    return Viewer(Level.NONE)
