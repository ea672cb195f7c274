"""Events that dispatch jobs: Django signals bound to tasks.

    @enqueue_on(post_save, sender=Order, args=lambda instance, **_: [instance.pk])
    @task
    def index_order(order_id): ...

A binding is a sync receiver, and serves both ways of sending: `send` calls it right there, in the sender's
transaction; `asend` calls it in a thread, so that the event loop goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.dispatch import Signal
from django.utils import timezone

from .api import as_call
from .compat import Task
from .database import jobs_alias
from .enqueueing import Call, EnqueueingBackend
from .unique import Uniqueness

FromSignal = Callable[..., Any]
"""Called with what the signal's receivers get, as keyword arguments."""


def enqueue_on(
    signal: Signal,
    *,
    sender: Any = None,
    when: FromSignal | None = None,
    args: FromSignal | None = None,
    key: FromSignal | None = None,
    window: timedelta | None = None,
) -> Callable[[Task], Task]:
    """Enqueue a job whenever a signal is sent: stands above `@task`, or is called with a task.

    In a transaction the job exists exactly when that commits. An error in one of the functions reaches the
    sender, as any receiver's does, so that no event is lost without anybody knowing.

    Args:
        signal: any of Django's, a library's or your own.
        sender: only signals of this one.
        when: tells whether this event matters.
        args: returns the job's arguments, a sequence or a mapping; None: there are none.
        key: events with the same key share a job as long as it waits. It runs with the first one's
            arguments, so let it look up what it needs.
        window: the job starts so long after the first event, and stands for all until then; without a key it
            joins events with the same arguments.

    Raises:
        TypeError, ValueError: at import, where this stands under `@task`, or the window is no time.
    """
    if window is not None and (not isinstance(window, timedelta) or window <= timedelta(0)):
        raise ValueError(f"@enqueue_on(window={window!r}): give a timedelta above 0, or None.")

    def bind(task: Task) -> Task:
        if not isinstance(task, Task):
            raise TypeError(f"@enqueue_on stands under @task on {task!r}. Put it above: it binds a task.")
        binding = _Binding(task, when, args, key, window)

        def receive(**sent: Any) -> None:
            binding.receive(sent)

        receive.__qualname__ = f"enqueue_on → {task.module_path}"  # for Django's log, where it raises
        signal.connect(receive, sender=sender, weak=False)
        return task

    return bind


@dataclass(frozen=True, slots=True)
class _Binding:
    task: Task
    when: FromSignal | None
    args: FromSignal | None
    key: FromSignal | None
    window: timedelta | None

    def receive(self, sent: dict[str, Any]) -> None:
        if self.when is not None and not self.when(**sent):
            return
        call = as_call(() if self.args is None else self.args(**sent))
        enqueue = partial(self._enqueue, call, self._uniqueness(sent))
        elsewhere = _transaction_elsewhere(sent.get("using"))
        if elsewhere is None:
            enqueue()
        else:
            transaction.on_commit(enqueue, using=elsewhere, robust=True)

    def _uniqueness(self, sent: dict[str, Any]) -> Uniqueness | None:
        if self.key is not None:
            value = self.key(**sent)
            return Uniqueness(by=lambda *_, **__: value, during="waiting")
        return None if self.window is None else Uniqueness(during="waiting")

    def _enqueue(self, call: Call, unique: Uniqueness | None) -> None:
        backend = self.task.get_backend()
        if not isinstance(backend, EnqueueingBackend):
            args, kwargs = call
            backend.enqueue(self.task, list(args), dict(kwargs))
            return
        task = self.task
        if self.window is not None:
            task = task.using(run_after=timezone.now() + self.window)
        backend.enqueue_many(task, [call], unique)


def _transaction_elsewhere(using: str | None) -> str | None:
    """Return the database whose open transaction the jobs' database knows nothing of, if there is one."""
    if using is None or using == jobs_alias() or not connections[using].in_atomic_block:
        return None
    return using
