"""pytest fixtures; pytest finds them by itself wherever Taskyard is installed.

Nothing of Django is imported before a fixture is used: the plugin loads before settings do.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .compat import TaskResult


@pytest.fixture
def taskyard_inline(db: None) -> Iterator[None]:
    """Run each job right where it is enqueued."""
    from .testing import inline  # noqa: PLC0415

    with inline():
        yield


@pytest.fixture
def taskyard_drain(db: None) -> Callable[..., "list[TaskResult]"]:
    """Return `taskyard.testing.drain`: run what is due."""
    from .testing import drain  # noqa: PLC0415

    return drain


@pytest.fixture
def taskyard_enqueued() -> Iterator["list[TaskResult]"]:
    """Collect what the test enqueues."""
    from .testing import collect  # noqa: PLC0415

    with collect() as collected:
        yield collected
