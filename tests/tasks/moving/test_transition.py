"""Moving a waiting job: what its row says then, and that the old engine's messages find nothing to claim."""

import pytest
from django.db import transaction

from taskyard.delivery import delivery_of, hand_back, take_due
from taskyard.models import Job
from taskyard.pauses import bring_back, pause_queue, resume_queue, set_aside
from taskyard.results import result_of
from taskyard.states import Event, JobState
from taskyard.transitions import Claims, claim, claim_waiting, conclude, move
from tests.example.tasks import nothing
from tests.tasks.jobs import FAILURE, FUTURE, PAST, add_job, changed, fresh, outcome, row_of, timed
from tests.tasks.operations.tasks import once
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db

NOT_DELIVERED = {"delivered_at": None, "deliveries": 0}


def moved(job):
    """Move a job from "leased", and return its row."""
    assert move([job.pk], "leased", "default") == 1
    return fresh(job)


def test_what_was_delivered_is_due_at_once_and_delivered_anew():
    job = add_job(backend="leased", due_at=FUTURE, deliveries=3)

    with timed() as window:
        row = moved(job)

    assert changed(job, row) == {"backend", "due_at", "delivered_at", "deliveries"}
    assert (row.backend, row.delivered_at, row.deliveries) == ("default", None, 0)
    assert row.due_at in window
    assert take_due("leased", leased=True, limit=5) == []
    assert [taken.pk for taken in take_due("default", leased=False, limit=5)] == [job.pk]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"due_at": FUTURE, "run_after": FUTURE}, id="its-time"),
        pytest.param({"due_at": FUTURE, "attempt": 1, "attempts": [FAILURE]}, id="its-next-attempt"),
        pytest.param({"due_at": PAST}, id="the-dispatcher"),
        pytest.param({"due_at": None}, id="its-queue-to-be-resumed"),
    ],
)
def test_what_waits_for_something_else_goes_on_waiting_for_that(columns):
    job = add_job(backend="leased", **NOT_DELIVERED, **columns)

    assert changed(job, moved(job)) == {"backend"}


def test_the_old_message_finds_nothing_to_claim_before_nor_after_the_new_delivery():
    job = add_job(backend="leased")
    moved(job)

    assert claim(job.pk, "old", "leased") is None
    take_due("default", leased=False, limit=5)
    assert claim(job.pk, "old", "leased") is None

    assert claim(job.pk, "new", "default").attempt == 1


def test_the_old_message_does_not_set_aside_what_is_the_new_engines():
    job = add_job(backend="leased", queue="mail")
    moved(job)
    take_due("default", leased=False, limit=5)
    pause_queue("mail")

    assert not set_aside(job.pk, "leased")
    assert set_aside(job.pk, "default")


def test_a_delivery_that_fails_after_the_move_leaves_the_job_to_its_new_engine():
    job = add_job(backend="leased")
    delivery = delivery_of(job)
    moved(job)
    take_due("default", leased=False, limit=5)
    before = row_of(job)

    hand_back([delivery])

    assert row_of(job) == before


def test_what_was_set_aside_comes_back_on_the_new_backend():
    job = add_job(backend="leased", queue="mail")
    pause_queue("mail")
    set_aside(job.pk, "leased")
    moved(job)

    resume_queue("mail")

    assert bring_back(10) == 1
    assert [taken.backend for taken in take_due("default", leased=False, limit=5)] == ["default"]


def test_what_moves_while_its_queue_is_paused_is_not_claimed_there():
    job = add_job(backend="leased", queue="mail")
    pause_queue("mail")
    moved(job)
    take_due("default", leased=False, limit=5)

    assert claim_waiting(Claims("default", ("mail",), "bob", 5)) == []
    assert claim(job.pk, "bob", "default") is None


def test_a_unique_job_keeps_its_key_on_the_way():
    first = once.using(backend="leased").enqueue(7)
    moved(Job.objects.get(pk=first.id))

    again = once.using(backend="leased").enqueue(7)

    assert (again.id, again.is_duplicate, again.backend) == (first.id, True, "default")


def test_what_runs_stays_and_waits_for_its_next_attempt_where_it_was():
    job = add_job(JobState.RUNNING, backend="leased")
    before = row_of(job)

    assert move([job.pk], "leased", "default") == 0

    assert row_of(job) == before
    conclude([outcome(job, Event.RETRY, delay=60)])
    assert fresh(job).backend == "leased"
    assert moved(job).due_at == fresh(job).due_at


def test_a_job_of_a_third_backend_is_left_alone():
    job = add_job(backend="third")
    before = row_of(job)

    assert move([job.pk], "leased", "default") == 0

    assert row_of(job) == before


def test_a_result_shows_the_new_backend():
    job = moved(add_job(backend="leased"))

    result = result_of(job)

    assert (result.backend, result.task.backend) == ("default", "default")


@pytest.mark.django_db(transaction=True)
def test_claims_and_moves_at_the_same_instant_never_both_get_a_job():
    jobs = [nothing.using(backend="leased").enqueue().id for _ in range(60)]
    keys = [Job.objects.get(pk=job_id).pk for job_id in jobs]

    def claim_all():
        return sum(claim(key, "old", "leased") is not None for key in keys)

    def move_all():
        return sum(move(keys[start : start + 7], "leased", "default") for start in range(0, 60, 7))

    claimed, gone = at_once(claim_all, move_all)

    assert Job.objects.filter(state=JobState.RUNNING, backend="leased", worker="old").count() == claimed
    assert Job.objects.filter(state=JobState.READY, backend="default").count() == gone
    assert claimed + gone + move(keys, "leased", "default") == 60


@pytest.mark.django_db(transaction=True)
def test_a_job_in_anothers_hands_is_passed_over_and_not_waited_for():
    from django.db import connection

    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("This database locks no rows.")
    held, free = (Job.objects.get(pk=nothing.using(backend="leased").enqueue().id).pk for _ in range(2))

    with transaction.atomic():
        Job.objects.select_for_update().get(pk=held)
        [gone] = at_once(lambda: move([held, free], "leased", "default"))

    assert gone == 1
    assert Job.objects.get(pk=held).backend == "leased"
