"""Signals that dispatch jobs: once bound, whoever sends them, sync or async, in a transaction or not."""

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save
from django.dispatch import Signal

from taskyard import enqueue_on
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard.transitions import claim
from tests.example.tasks import add, index, leave, nothing
from tests.tasks.jobs import timed
from tests.tasks.test_transactions import undone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid():
    """A signal of the site's own."""
    return Signal()


@pytest.fixture
def saved():
    """`post_save`, without what the test binds to it once it is over."""
    before = list(post_save.receivers)
    yield post_save
    post_save.receivers = before
    post_save.sender_receivers_cache.clear()


def send(signal, **named):
    signal.send(sender=None, **named)


def asend(signal, **named):
    async_to_sync(signal.asend)(sender=None, **named)


SENDING = pytest.mark.parametrize("send", [send, asend])


def calls():
    return [(job.task.rpartition(".")[2], job.args, job.kwargs) for job in Job.objects.order_by("id")]


@SENDING
def test_a_signal_enqueues_a_job(paid, send):
    assert enqueue_on(paid)(nothing) is nothing

    send(paid, order=7)

    assert calls() == [("nothing", [], {})]


@SENDING
@pytest.mark.parametrize(
    ("args", "call"),
    [
        (lambda order, **_: [order, 1], ([7, 1], {})),
        (lambda order, **_: (order, 1), ([7, 1], {})),
        (lambda order, sender, signal, **_: {"a": order, "b": 1}, ([], {"a": 7, "b": 1})),
    ],
    ids=["list", "tuple", "mapping"],
)
def test_its_arguments_are_made_of_the_signals(paid, send, args, call):
    enqueue_on(paid, args=args)(add)

    send(paid, order=7)

    assert calls() == [("add", *call)]


@SENDING
def test_only_events_that_matter_are_taken(paid, send):
    enqueue_on(paid, when=lambda total, **_: total > 100, args=lambda total, **_: [total])(leave)

    send(paid, total=50)
    send(paid, total=500)

    assert calls() == [("leave", [500], {})]


def test_only_the_senders_signals_are_taken(paid):
    enqueue_on(paid, sender=Group)(nothing)

    paid.send(sender=Job)
    paid.send(sender=Group)

    assert len(calls()) == 1


def test_two_bindings_are_two_jobs(paid):
    enqueue_on(paid)(nothing)
    enqueue_on(paid, args=lambda **_: ["x"])(leave)

    send(paid)

    assert [name for name, *_ in calls()] == ["nothing", "leave"]


def test_a_decorated_task_is_bound():
    from tests.example import bound

    bound.order_paid.send(sender=None, order_id=7)
    drain()

    assert [(job.task, job.return_value) for job in Job.objects.all()] == [("tests.example.bound.bill", 7)]


def test_a_binding_survives_though_nobody_holds_it(paid):
    import gc

    enqueue_on(paid)(nothing)
    gc.collect()

    send(paid)

    assert len(calls()) == 1


# --- transactions ----------------------------------------------------------------------------------


def test_a_job_shares_the_fate_of_what_sent_the_signal(saved, recording_backend):
    enqueue_on(saved, sender=Group, args=lambda instance, **_: [instance.pk])(leave.using(backend="leased"))

    with undone():
        Group.objects.create(name="lost")
    assert (calls(), recording_backend.delivered) == ([], [])

    with transaction.atomic():
        group = Group.objects.create(name="kept")
        assert calls() == [("leave", [group.pk], {})]
        assert recording_backend.delivered == []
    assert len(recording_backend.delivered) == 1


def test_the_end_of_another_databases_transaction_is_waited_for(paid, monkeypatch):
    """The jobs' database cannot know of it, so the job is enqueued once that has committed."""
    monkeypatch.setattr("taskyard.binding.jobs_alias", lambda: "another")
    enqueue_on(paid)(nothing)

    with undone():
        send(paid, using="default")
    assert calls() == []

    with transaction.atomic():
        send(paid, using="default")
        assert calls() == []
    assert len(calls()) == 1
    send(paid, using="default")
    assert len(calls()) == 2


def test_an_error_reaches_the_sender_and_takes_the_change_with_it(saved):
    enqueue_on(saved, sender=Group, args=lambda nobody_sends_this, **_: [])(nothing)

    with pytest.raises(TypeError, match="nobody_sends_this"), transaction.atomic():
        Group.objects.create(name="gone")

    assert not Group.objects.exists()


@pytest.mark.parametrize("robust", ["send_robust", "asend_robust"])
def test_a_binding_that_raises_under_a_robust_send_is_logged_and_harms_no_other(paid, robust, caplog):
    enqueue_on(paid, args=lambda nobody_sends_this, **_: [])(leave)
    enqueue_on(paid)(nothing)

    method = getattr(paid, robust)
    (async_to_sync(method) if robust.startswith("a") else method)(sender=None)

    assert [name for name, *_ in calls()] == ["nothing"]
    assert "enqueue_on → tests.example.tasks.leave" in caplog.text


# --- event loops -----------------------------------------------------------------------------------


def test_an_async_send_does_not_block_the_loop(paid, recording_backend):
    """The broker answers only once the loop has gone on: a blocked loop would never get there."""
    went_on = threading.Event()
    threads = set()

    def slow_broker(batch):
        threads.add(threading.get_ident())
        assert went_on.wait(30), "the loop stands still"

    async def scenario():
        sending = asyncio.ensure_future(paid.asend(sender=None))
        while not sending.done():
            await asyncio.sleep(0.01)
            if threads:
                went_on.set()
        await sending
        return threading.get_ident()

    recording_backend.deliver, kept = staticmethod(slow_broker), recording_backend.deliver
    try:
        enqueue_on(paid)(nothing.using(backend="leased"))
        loop_thread = async_to_sync(scenario)()
    finally:
        recording_backend.deliver = kept

    assert went_on.is_set()
    assert len(calls()) == 1
    assert loop_thread not in threads


# --- storms ----------------------------------------------------------------------------------------


@SENDING
def test_events_with_the_same_key_share_a_job_that_waits(paid, send):
    enqueue_on(paid, key=lambda order, **_: order, args=lambda order, why, **_: [order, why])(add)

    for number in range(20):
        send(paid, order=number % 2, why=number)

    assert [args for _, args, _ in calls()] == [[0, 0], [1, 1]]


def test_an_event_after_the_start_gets_a_job_of_its_own(paid):
    enqueue_on(paid, key=lambda order, **_: order)(nothing)
    send(paid, order=7)
    claim(Job.objects.get().pk, "ada")

    send(paid, order=7)
    send(paid, order=7)

    assert sorted(Job.objects.values_list("state", flat=True)) == [JobState.READY, JobState.RUNNING]


def test_a_window_puts_the_job_off_to_its_end(paid):
    enqueue_on(paid, window=timedelta(minutes=5), args=lambda order, **_: [order])(leave)

    with timed() as window:
        for order in [1, 2, 1, 1, 2]:
            send(paid, order=order)

    jobs = Job.objects.order_by("id")
    assert [job.args for job in jobs] == [[1], [2]]
    assert all(window.begun <= job.due_at - timedelta(minutes=5) for job in jobs)
    assert not drain()


def test_a_key_and_a_window_go_together(paid):
    enqueue_on(
        paid, key=lambda shop, **_: shop, window=timedelta(minutes=5), args=lambda order, **_: [order]
    )(leave)

    for order in range(10):
        send(paid, shop=1, order=order)

    assert [args for _, args, _ in calls()] == [[0]]


def test_without_key_and_window_each_event_is_a_job(paid):
    enqueue_on(paid)(nothing)

    send(paid)
    send(paid)

    assert len(calls()) == 2


def test_the_tasks_own_policy_holds_where_the_binding_says_nothing(paid):
    enqueue_on(paid, args=lambda order, **_: [order])(index)

    send(paid, order=7)
    send(paid, order=7)

    assert calls() == [("index", [7], {})]


def test_a_key_that_is_none_joins_nothing(paid):
    enqueue_on(paid, key=lambda **_: None)(nothing)

    send(paid)
    send(paid)

    assert len(calls()) == 2


def test_a_storm_in_one_transaction_is_one_job_and_one_delivery(saved, recording_backend):
    enqueue_on(saved, sender=Group, key=lambda **_: "all")(nothing.using(backend="leased"))

    with transaction.atomic():
        for number in range(200):
            Group.objects.create(name=str(number))

    assert len(calls()) == 1
    assert [len(batch) for batch in recording_backend.delivered] == [1]


def test_a_database_error_in_the_same_transaction_is_the_senders(paid):
    enqueue_on(paid)(nothing)

    with pytest.raises(DatabaseError), transaction.atomic():
        send(paid)
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense FROM nowhere")

    assert calls() == []


# --- what makes no sense ---------------------------------------------------------------------------


def test_a_function_that_is_no_task_is_refused():
    with pytest.raises(TypeError, match="Put it above"):
        enqueue_on(post_save)(lambda: None)


@pytest.mark.parametrize("window", [5, timedelta(0), timedelta(seconds=-1)], ids=str)
def test_a_window_that_is_no_time_is_refused(window):
    with pytest.raises(ValueError, match="timedelta above 0"):
        enqueue_on(post_save, window=window)


@pytest.mark.parametrize("args", [7, "7", None], ids=repr)
def test_arguments_that_are_no_sequence_or_mapping_are_refused(paid, args):
    enqueue_on(paid, args=lambda **_: args)(leave)

    with pytest.raises(TypeError, match="A call's arguments are a tuple or list"):
        send(paid)


def test_another_projects_backend_gets_each_event(paid, settings):
    settings.TASKS = {
        **settings.TASKS,
        "plain": {"BACKEND": f"{type(nothing).__module__.rpartition('.')[0]}.backends.dummy.DummyBackend"},
    }
    bound = add.using(backend="plain")
    enqueue_on(paid, args=lambda **_: [1, 2], window=timedelta(seconds=1))(bound)

    send(paid)

    [result] = bound.get_backend().results
    assert result.args == [1, 2]
