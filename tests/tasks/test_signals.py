"""Django's three signals: each once, from the backend's class, at the right moment."""

import asyncio
import sys
from contextlib import contextmanager
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError

from taskyard import (
    Retry,
    TaskResultStatus,
    enqueue_many,
    job_cancelled,
    job_retried,
    task_enqueued,
    task_finished,
    task_started,
)
from taskyard.announcing import announce
from taskyard.compat import task_backends
from taskyard.exceptions import CancelRequested
from taskyard.execution import AsyncEffects, SyncEffects, attempt, run_now
from taskyard.models import Job
from taskyard.run import prepare
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard.transitions import claim, conclude
from tests.example.tasks import (
    add,
    add_async,
    fail,
    fail_async,
    flaky,
    nothing,
    retry_after,
    snooze,
    succeed_at,
)
from tests.tasks.jobs import add_job

pytestmark = pytest.mark.django_db

SIGNALS = {"enqueued": task_enqueued, "started": task_started, "finished": task_finished}


@contextmanager
def connected(receiver, *signals):
    for signal in signals:
        signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        for signal in signals:
            signal.disconnect(receiver)


@pytest.fixture
def told():
    """Collect what receivers were told: name, sender, status, id."""
    names = {id(signal): name for name, signal in SIGNALS.items()}
    notes = []

    def note(signal, sender, task_result, **_):
        notes.append((names[id(signal)], sender, task_result.status, task_result.id))

    with connected(note, *SIGNALS.values()):
        yield notes


@pytest.mark.parametrize("alias", ["default", "leased"])
def test_a_success_is_told_in_three_signals(told, alias):
    backend = type(task_backends[alias])

    result = add.using(backend=alias).enqueue(1, 2)
    drain()

    assert told == [
        ("enqueued", backend, TaskResultStatus.READY, result.id),
        ("started", backend, TaskResultStatus.RUNNING, result.id),
        ("finished", backend, TaskResultStatus.SUCCESSFUL, result.id),
    ]


@pytest.mark.parametrize("alias", ["default", "leased"])
def test_a_failure_is_told_in_three_signals(told, alias):
    fail.using(backend=alias).enqueue()
    drain()

    assert [(name, status) for name, _, status, _ in told] == [
        ("enqueued", TaskResultStatus.READY),
        ("started", TaskResultStatus.RUNNING),
        ("finished", TaskResultStatus.FAILED),
    ]


def test_every_attempt_is_started_and_only_the_last_finished(told):
    succeed_at.enqueue(3)
    drain()

    assert [name for name, *_ in told] == ["enqueued", "started", "started", "started", "finished"]


def test_a_job_that_is_tried_again_later_is_not_finished(told):
    flaky.enqueue()
    drain()

    assert [name for name, *_ in told] == ["enqueued", "started"]


def test_a_refused_outcome_is_not_told(told):
    job_id = UUID(nothing.enqueue().id)
    job = claim(job_id, "ada")
    Job.objects.update(attempt=2)

    outcome = run_now(attempt(prepare(job), SyncEffects(lambda outcome: bool(conclude([outcome])))))

    assert outcome is None
    assert [name for name, *_ in told] == ["enqueued", "started"]


def test_the_finished_result_shows_how_it_ended():
    shown = []

    def look(task_result, **_):
        stored = task_result.task.get_result(task_result.id)
        errors = [error.exception_class for error in task_result.errors]
        shown.append((task_result.status, stored.status, task_result.finished_at is not None, errors))
        if task_result.status == TaskResultStatus.SUCCESSFUL:
            assert task_result.return_value == stored.return_value == 3

    with connected(look, task_finished):
        add.enqueue(1, 2)
        fail.enqueue()
        drain()

    assert shown == [
        (TaskResultStatus.SUCCESSFUL, TaskResultStatus.SUCCESSFUL, True, []),
        (TaskResultStatus.FAILED, TaskResultStatus.FAILED, True, [ValueError]),
    ]


@pytest.mark.parametrize("failing", [fail, fail_async], ids=["sync", "async"])
def test_receivers_see_the_exception_that_ended_the_job(failing):
    seen = []

    def look(**_):
        seen.append(sys.exc_info()[1])

    with connected(look, task_finished):
        failing.enqueue("look at me")
        add.enqueue(1, 2)
        drain()

    error, nothing_wrong = seen
    assert isinstance(error, ValueError)
    assert str(error) == "look at me"
    assert error.__traceback__ is not None
    assert nothing_wrong is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failing", [fail, fail_async], ids=["sync", "async"])
def test_receivers_see_the_exception_of_an_attempt_on_an_event_loop(failing):
    seen = []

    def look(**_):
        seen.append(sys.exc_info()[1])

    job = claim(UUID(failing.enqueue("look at me").id), "ada")

    with connected(look, task_finished):
        async_to_sync(_attempt_on_a_loop)(job)

    assert [str(error) for error in seen] == ["look at me"]


async def _attempt_on_a_loop(job):
    async def record(outcome):
        return bool(await sync_to_async(conclude)([outcome]))

    return await attempt(prepare(job), AsyncEffects(record))


@pytest.mark.django_db(transaction=True)
def test_an_attempt_on_an_event_loop_tells_sync_and_async_receivers(told):
    heard = []

    async def listen(task_result, **_):
        heard.append((task_result.status, asyncio.get_running_loop()))

    job = claim(UUID(add_async.enqueue(1, 2).id), "ada")

    with connected(listen, task_started, task_finished):
        async_to_sync(_attempt_on_a_loop)(job)

    assert [name for name, *_ in told] == ["enqueued", "started", "finished"]
    assert [status for status, _ in heard] == [TaskResultStatus.RUNNING, TaskResultStatus.SUCCESSFUL]
    assert Job.objects.get().return_value == 3


def test_an_async_receiver_is_awaited_on_the_loop_of_aenqueue():
    heard = []

    async def listen(task_result, sender, **_):
        await asyncio.sleep(0)
        heard.append((task_result.id, sender, asyncio.get_running_loop()))

    async def scenario():
        result = await nothing.aenqueue()
        return [(result.id, type(task_backends["default"]), asyncio.get_running_loop())]

    with connected(listen, task_enqueued):
        assert heard == async_to_sync(scenario)()


def test_an_async_receiver_hears_of_enqueue_too():
    heard = []

    async def listen(task_result, **_):
        heard.append(task_result.id)

    with connected(listen, task_enqueued):
        result = nothing.enqueue()

    assert heard == [result.id]


@pytest.mark.parametrize("alias", ["default", "leased"])
@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_a_receiver_that_raises_loses_no_job(alias, signal):
    heard = []

    def refuse(**_):
        raise RuntimeError("not today")

    def listen(**_):
        heard.append(True)

    with connected(refuse, signal), connected(listen, signal):
        result = add.using(backend=alias).enqueue(1, 2)
        drain()
        async_to_sync(add.using(backend=alias).aenqueue)(3, 4)
        drain()

    assert heard == [True, True]
    assert add.using(backend=alias).get_result(result.id).return_value == 3
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCESSFUL}


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_harms_the_database_loses_no_job(recording_backend):
    def harm(**_):
        Job.objects.raw("SELECT nonsense FROM nowhere").columns  # noqa: B018 - runs the statement

    with connected(harm, task_enqueued):
        nothing.using(backend="leased").enqueue()

    assert Job.objects.get().delivered_at is not None
    assert len(recording_backend.delivered) == 1
    with pytest.raises(DatabaseError):
        harm()


def test_every_job_of_many_is_told(told):
    results = enqueue_many(add, [(1, 2), (3, 4), (5, 6)])

    assert [job_id for _, _, _, job_id in told] == [result.id for result in results]


# --- Taskyard's own ----------------------------------------------------------------------------------


@pytest.fixture
def heard():
    """Collect what Taskyard's own signals tell: name, sender, status, exception, the rest."""
    own = {job_retried: "retried", job_cancelled: "cancelled", task_finished: "finished"}
    notes = []

    def listen(signal, sender, task_result, **named):
        error = sys.exc_info()[1]
        notes.append((own[signal], sender, task_result.status, error and type(error), named))

    with connected(listen, *own):
        yield notes


@pytest.mark.parametrize("on_a_loop", [False, True], ids=["sync", "loop"])
def test_a_retry_is_told_with_its_delay_and_reason(heard, on_a_loop, transactional_db):
    job = claim(UUID(retry_after.enqueue(30).id), "ada")

    if on_a_loop:
        async_to_sync(_attempt_on_a_loop)(job)
    else:
        run_now(attempt(prepare(job), SyncEffects(lambda outcome: bool(conclude([outcome])))))

    backend = type(task_backends["default"])
    assert heard == [("retried", backend, TaskResultStatus.READY, Retry, {"delay": 30})]


def test_the_retried_result_shows_the_failure():
    shown = []

    def look(task_result, **_):
        shown.append(([error.exception_class for error in task_result.errors], task_result.finished_at))

    with connected(look, job_retried):
        flaky.enqueue()
        drain()

    assert shown == [([OSError], None)]


@pytest.mark.parametrize("on_a_loop", [False, True], ids=["sync", "loop"])
def test_a_cancelled_run_is_finished_and_cancelled(heard, on_a_loop, transactional_db):
    job = claim(UUID(nothing.enqueue().id), "ada")

    async def acall(_):
        raise CancelRequested

    async def arecord(outcome):
        return bool(await sync_to_async(conclude)([outcome]))

    if on_a_loop:
        async_to_sync(attempt)(prepare(job), AsyncEffects(arecord, acall))
    else:
        effects = SyncEffects(lambda outcome: bool(conclude([outcome])))
        effects.call = acall  # a step that never waits
        run_now(attempt(prepare(job), effects))

    assert [(name, status, error) for name, _, status, error, _ in heard] == [
        ("finished", TaskResultStatus.FAILED, CancelRequested),
        ("cancelled", TaskResultStatus.FAILED, CancelRequested),
    ]


def test_a_snooze_is_told_by_no_signal(heard):
    snooze.enqueue(60, 1)
    drain()

    assert heard == []


def test_a_cancelled_job_that_waited_is_announced(heard):
    job = add_job(JobState.CANCELLED)

    announce(job_cancelled, job)

    [(name, sender, status, _, _)] = heard
    assert (name, sender, status) == ("cancelled", type(task_backends["default"]), TaskResultStatus.FAILED)


@pytest.mark.parametrize("columns", [{"backend": "gone"}, {"task": "gone.gone"}], ids=["backend", "task"])
def test_a_job_that_cannot_be_shown_is_not_announced(heard, columns):
    announce(job_cancelled, add_job(JobState.CANCELLED, **columns))

    assert heard == []


@pytest.mark.parametrize("signal", [job_retried, job_cancelled], ids=["retried", "cancelled"])
def test_a_receiver_of_taskyards_that_raises_loses_no_job(signal, caplog):
    def refuse(**_):
        raise RuntimeError("not today")

    with connected(refuse, signal):
        flaky.enqueue()
        drain()
        announce(job_cancelled, add_job(JobState.CANCELLED))

    assert "not today" in caplog.text
    assert Job.objects.filter(state=JobState.READY, task=flaky.module_path).exists()
