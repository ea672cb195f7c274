"""A job exists exactly when its transaction commits, and all jobs of a transaction go in one batch."""

from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import transaction
from django.test import TestCase, override_settings

from taskyard import enqueue_many
from taskyard.models import Job
from tests.example.backends import RecordingBackend
from tests.example.tasks import add, leave, nothing

pytestmark = pytest.mark.django_db(transaction=True)

LEASED = nothing.using(backend="leased")


class Undo(Exception):
    pass


@contextmanager
def undone(**options):
    """A transaction or savepoint that is rolled back."""
    try:
        with transaction.atomic(**options):
            yield
            raise Undo
    except Undo:
        pass


@pytest.fixture
def batches(recording_backend):
    """Return a reader of the ids in each batch that was delivered."""
    return lambda: [[str(delivery.job_id) for delivery in batch] for batch in recording_backend.delivered]


def test_outside_a_transaction_a_job_is_delivered_at_once(batches):
    first, second = LEASED.enqueue().id, LEASED.enqueue().id

    assert batches() == [[first], [second]]


def test_a_delivery_tells_what_routes_it_and_nothing_else(recording_backend):
    result = leave.using(backend="leased", queue_name="mail", priority=5).enqueue("secret")

    [[delivery]] = recording_backend.delivered
    assert {name: getattr(delivery, name) for name in delivery.__slots__} == {
        "job_id": UUID(result.id),
        "task": leave.module_path,
        "queue": "mail",
        "priority": 5,
        "backend": "leased",
    }


def test_a_commit_delivers_all_jobs_of_the_transaction_in_one_batch(batches):
    with transaction.atomic():
        first = LEASED.enqueue().id
        with transaction.atomic():
            second = LEASED.enqueue().id
            with transaction.atomic():
                third = LEASED.enqueue().id
        fourth, fifth = (result.id for result in enqueue_many(LEASED, [(), ()]))
        assert batches() == []

    assert batches() == [[first, second, third, fourth, fifth]]


def test_a_rollback_leaves_no_job_and_no_delivery(batches):
    with undone():
        LEASED.enqueue()
        with transaction.atomic():
            LEASED.enqueue()

    assert not Job.objects.exists()
    assert batches() == []


def test_a_rollback_leaves_nothing_behind_for_the_next_transaction(batches):
    with undone():
        LEASED.enqueue()
    with transaction.atomic():
        result = LEASED.enqueue()

    assert batches() == [[result.id]]


def test_a_savepoint_rolled_back_drops_only_its_own_jobs(batches):
    with transaction.atomic():
        before = LEASED.enqueue().id
        with undone():
            LEASED.enqueue()
            with transaction.atomic():
                LEASED.enqueue()
        after = LEASED.enqueue().id

    assert batches() == [[before, after]]
    assert {str(job.id) for job in Job.objects.all()} == {before, after}


def test_a_savepoint_rolled_back_at_the_end_drops_no_other_job(batches):
    with transaction.atomic():
        with transaction.atomic():
            kept = LEASED.enqueue().id
        with undone():
            LEASED.enqueue()

    assert batches() == [[kept]]


def test_a_transaction_whose_savepoints_were_all_rolled_back_delivers_nothing(batches):
    with transaction.atomic():
        for _ in range(3):
            with undone():
                LEASED.enqueue()

    assert batches() == []


def test_an_atomic_block_without_savepoint_shares_the_fate_of_its_parent(batches):
    with transaction.atomic():
        kept = LEASED.enqueue().id
        with transaction.atomic(savepoint=False):
            also = LEASED.enqueue().id

    assert batches() == [[kept, also]]


def test_two_transactions_are_two_batches(batches):
    with transaction.atomic():
        first = LEASED.enqueue().id
    with transaction.atomic():
        second = LEASED.enqueue().id

    assert batches() == [[first], [second]]


def test_two_backends_in_one_transaction_get_one_batch_each(recording_backend):
    tasks = {
        alias: {"BACKEND": "tests.example.backends.RecordingBackend", "QUEUES": []}
        for alias in ("one", "two")
    }
    with override_settings(TASKS={**tasks, "default": tasks["one"]}):
        with transaction.atomic():
            for alias in ("one", "two", "one", "two"):
                nothing.using(backend=alias).enqueue()

    assert [[delivery.backend for delivery in batch] for batch in recording_backend.delivered] == [
        ["one", "one"],
        ["two", "two"],
    ]


def test_a_deferred_job_is_left_to_the_dispatcher(batches, tomorrow):
    with transaction.atomic():
        LEASED.using(run_after=tomorrow).enqueue()
        now = LEASED.enqueue().id
    LEASED.using(run_after=tomorrow).enqueue()

    assert batches() == [[now]]


def test_jobs_enqueued_by_other_commit_hooks_are_delivered(batches):
    enqueued = []

    with transaction.atomic():
        transaction.on_commit(lambda: enqueued.append(LEASED.enqueue().id))
        first = LEASED.enqueue().id
        transaction.on_commit(lambda: enqueued.append(LEASED.enqueue().id))

    assert sorted(each for batch in batches() for each in batch) == sorted([first, *enqueued])
    assert [first] in batches()


def test_a_commit_hook_that_raises_keeps_no_job_from_its_delivery(batches):
    def refuse():
        raise Undo

    with transaction.atomic():
        transaction.on_commit(refuse, robust=True)
        result = LEASED.enqueue()

    assert batches() == [[result.id]]


def test_the_rows_of_the_site_are_there_when_the_job_is_delivered(recording_backend, monkeypatch):
    """A worker that gets the delivery finds what the transaction wrote."""
    seen = []
    monkeypatch.setattr(
        RecordingBackend,
        "deliver",
        lambda _self, batch: seen.append(Job.objects.filter(queue="mail").count()),
    )

    with transaction.atomic():
        result = LEASED.enqueue()
        add.using(queue_name="mail").enqueue(1, 2)
        assert transaction.get_connection().in_atomic_block

    assert seen == [1]
    assert Job.objects.filter(pk=result.id).exists()


def test_a_transaction_managed_by_hand_leaves_its_jobs_to_the_dispatcher(batches):
    """Without Django's atomic there is no commit to wait for: nothing is lost, nothing delivered too early."""
    transaction.set_autocommit(False)
    try:
        result = LEASED.enqueue()
        assert batches() == []
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)

    job = Job.objects.get(pk=result.id)
    assert job.due_at is not None, "nobody would ever look at it again"


def test_many_thousand_jobs_of_one_transaction_are_one_batch(batches):
    with transaction.atomic():
        results = enqueue_many(LEASED, [()] * 2500)

    assert batches() == [[result.id for result in results]]


class InATestCase(TestCase):
    """Django's own test case: its transaction never commits."""

    def setUp(self):
        RecordingBackend.delivered = []

    def batches(self):
        return [[str(delivery.job_id) for delivery in batch] for batch in RecordingBackend.delivered]

    def test_captured_hooks_deliver(self):
        with self.captureOnCommitCallbacks(execute=True):
            first, second = LEASED.enqueue().id, LEASED.enqueue().id
            assert self.batches() == []

        assert self.batches() == [[first, second]]

    def test_hooks_that_were_not_captured_do_not(self):
        LEASED.enqueue()

        assert self.batches() == []
        assert Job.objects.count() == 1

    def test_each_capture_delivers_its_own_jobs(self):
        LEASED.enqueue()
        with self.captureOnCommitCallbacks(execute=True):
            first = LEASED.enqueue().id
        with self.captureOnCommitCallbacks(execute=True):
            second = LEASED.enqueue().id

        assert self.batches() == [[first], [second]]

    def test_savepoints_within_a_capture_are_told_apart(self):
        with self.captureOnCommitCallbacks(execute=True):
            kept = LEASED.enqueue().id
            with undone():
                LEASED.enqueue()

        assert self.batches() == [[kept]]

    def test_jobs_enqueued_by_hooks_are_delivered_too(self):
        enqueued = []
        with self.captureOnCommitCallbacks(execute=True):
            first = LEASED.enqueue().id
            transaction.on_commit(lambda: enqueued.append(LEASED.enqueue().id))

        assert sorted(each for batch in self.batches() for each in batch) == sorted([first, *enqueued])
