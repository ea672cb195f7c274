"""The engines behind the backends: whether their brokers answer, how much waits in them, what is dangerous.

A broker is asked on a thread of its own, so that one that hangs keeps no page waiting; pages show its latest
answer, with its age.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from django.core.checks import CheckMessage
from django.db import connections
from django.utils import timezone

import taskyard
from taskyard import checks
from taskyard.backend import JobBackend, job_backends

PAUSE = 5.0
"""Seconds between two questions to a broker."""

PATIENCE = 10.0
"""Seconds after which a broker that has not answered counts as out of reach."""


@dataclass(frozen=True, slots=True)
class Danger:
    """Something in the settings that may do harm, and what to do about it."""

    text: str
    hint: str
    id: str
    """Of the system check that says so, such as taskyard.W002."""

    is_error: bool


@dataclass(frozen=True, slots=True)
class EngineNow:
    """The engine of one backend."""

    alias: str
    """In settings.TASKS."""

    engine: str
    version: str
    """Of the engine's library; of Taskyard where the engine is its own; "" where it is not installed."""

    has_broker: bool
    """Whether there is a broker: the queue of an engine without one is the jobs' table."""

    is_reachable: bool | None
    """Whether the broker answers; None while that is not known. True where there is none."""

    error: str
    """Why it is out of reach."""

    since: datetime | None
    """Since when it is."""

    age: float | None
    """How many seconds ago it was asked; None: never."""

    depths: dict[str, int]
    """How many messages wait in it, by queue."""

    dangers: tuple[Danger, ...]


def engines() -> list[EngineNow]:
    """Return what is known of each backend's engine, and have asked what is to be known; never waits."""
    return [_informant(alias).tell() for alias in job_backends()]


@cache
def site_dangers() -> tuple[Danger, ...]:
    """Return what is dangerous in settings that are no engine's own."""
    found = [*checks.check_sqlite(), *checks.check_shared_queues(), *checks.check_prefix()]
    return tuple(_dangers(found))


def _dangers(messages: Iterable[CheckMessage]) -> Iterator[Danger]:
    for message in messages:
        if not message.is_silenced():
            yield Danger(str(message.msg), str(message.hint or ""), message.id or "", message.is_serious())


def _library_version(engine: str) -> str:
    try:
        return version(engine.replace("_", "-"))
    except PackageNotFoundError:
        return ""


@dataclass(slots=True)
class _Answer:
    """What a broker said last."""

    is_reachable: bool | None = None
    error: str = ""
    since: datetime | None = None
    asked_at: float | None = None
    depths: dict[str, int] = field(default_factory=dict)


class _Informant:
    """Asks one backend's engine, one question at a time."""

    def __init__(self, backend: JobBackend) -> None:
        self._backend = backend
        self._answer = _Answer()
        self._dangers: tuple[Danger, ...] | None = None
        self._asking_since: float | None = None
        self._lock = threading.Lock()

    def tell(self) -> EngineNow:
        """Return what is known, and ask anew where that is old."""
        with self._lock:
            self._ask_if_it_is_time()
            answer = self._answer
            backend = self._backend
            has_broker = backend.leases_deliveries
            return EngineNow(
                alias=backend.alias,
                engine=backend.engine,
                version=_library_version(backend.engine) if has_broker else taskyard.__version__,
                has_broker=has_broker,
                is_reachable=answer.is_reachable if has_broker else True,
                error=answer.error,
                since=answer.since,
                age=None if answer.asked_at is None else time.monotonic() - answer.asked_at,
                depths=answer.depths,
                dangers=self._dangers or (),
            )

    def _ask_if_it_is_time(self) -> None:
        now = time.monotonic()
        if self._asking_since is not None:
            if now > self._asking_since + PATIENCE:
                self._note_failure(f"It has not answered for {now - self._asking_since:.0f} s.")
        elif self._answer.asked_at is None or now > self._answer.asked_at + PAUSE:
            self._asking_since = now
            name = f"taskyard-asks-{self._backend.alias}"
            threading.Thread(target=self._ask, name=name, daemon=True).start()

    def _ask(self) -> None:
        """Ask the engine; on a thread of this question's own."""
        error, depths = "", {}
        try:
            if self._dangers is None:
                self._dangers = tuple(_dangers(self._backend.check()))
            if self._backend.leases_deliveries:
                depths = self._backend.queue_depths()
        except Exception as fault:  # whatever the engine's library raises
            error = str(fault) or type(fault).__name__
        connections.close_all()
        with self._lock:
            if error:
                self._note_failure(error)
            else:
                self._answer = _Answer(True, depths=depths)  # noqa: FBT003 - the field's name says it
            self._answer.asked_at = time.monotonic()
            self._asking_since = None

    def _note_failure(self, error: str) -> None:
        known = self._answer
        since = known.since if known.is_reachable is False else timezone.now()
        self._answer = _Answer(False, error, since, known.asked_at, {})  # noqa: FBT003


@cache
def _informant(alias: str) -> _Informant:
    return _Informant(job_backends()[alias])


def forget() -> None:
    """Forget all that was answered."""
    _informant.cache_clear()
    site_dangers.cache_clear()
