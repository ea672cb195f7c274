"""Lives of jobs in any order of events, with workers that hold on to what they lost, against a model."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from taskyard.delivery import take_due
from taskyard.models import Job
from taskyard.states import FINISHED, TRANSITIONS, Event, JobState
from taskyard.transitions import (
    Claims,
    Outcome,
    cancel_waiting,
    claim,
    claim_waiting,
    conclude,
    move,
    requeue,
)
from tests.example.tasks import nothing

WORKERS = st.sampled_from(["ada", "bob", "cleo"])
BACKENDS = st.sampled_from(["default", "leased"])
ENDINGS = [event for event in Event if JobState.RUNNING in TRANSITIONS[event].sources]
SETTINGS = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Life:
    """What a job should be."""

    state: JobState = JobState.READY
    attempt: int = 0
    worker: str = ""
    delivered: bool = True
    due: bool = False
    backend: str = "default"
    value: object = None
    history: int = 0

    @property
    def can_be_claimed(self):
        return self.state == JobState.READY and self.delivered

    def is_in_the_hands_of(self, attempt):
        return self.state == JobState.RUNNING and self.attempt == attempt


@dataclass(frozen=True)
class Handle:
    """What a worker believes it holds: it may long be another's."""

    job_id: object
    attempt: int


class Lives(RuleBasedStateMachine):
    """Any events in any order: the table follows the model, and nobody wins twice."""

    jobs = Bundle("jobs")
    handles = Bundle("handles")

    def __init__(self):
        super().__init__()
        Job.objects.all().delete()
        self.lives = {}
        self.won = set()
        self.values = count(1)

    # --- what happens ---

    @rule(target=jobs, priority=st.sampled_from([0, 0, 10]))
    def enqueue(self, priority):
        job_id = Job.objects.get(pk=nothing.using(priority=priority).enqueue().id).id
        self.lives[job_id] = Life()
        return job_id

    @rule(target=handles, job_id=jobs, worker=WORKERS, backend=BACKENDS)
    def claim_one(self, job_id, worker, backend):
        """Whatever backend's message says so: what was moved is claimed where it is."""
        life = self.lives[job_id]
        expected = life.can_be_claimed and life.backend == backend

        job = claim(job_id, worker, backend)

        assert (job is not None) == expected
        return self._claimed([job], worker) if job else multiple()

    @rule(target=handles, worker=WORKERS, limit=st.integers(1, 4), backend=BACKENDS)
    def claim_some(self, worker, limit, backend):
        waiting = [
            job
            for job in Job.objects.all()
            if self.lives[job.id].can_be_claimed and self.lives[job.id].backend == backend
        ]
        line = sorted(waiting, key=lambda job: (-job.priority, job.delivered_at, job.id))

        taken = claim_waiting(Claims(backend=backend, queues=("default",), worker=worker, limit=limit))

        assert [job.id for job in taken] == [job.id for job in line[:limit]]
        return self._claimed(taken, worker)

    def _claimed(self, jobs, worker):
        for job in jobs:
            life = self.lives[job.id]
            life.state, life.worker, life.attempt = JobState.RUNNING, worker, life.attempt + 1
            assert job.attempt == life.attempt
        return multiple(*(Handle(job.id, job.attempt) for job in jobs))

    @rule(handle=handles, event=st.sampled_from(ENDINGS), delay=st.sampled_from([0, 3600]))
    def end(self, handle, event, delay):
        self._end([(handle, event)], delay)

    @rule(
        endings=st.lists(
            st.tuples(handles, st.sampled_from(ENDINGS)), max_size=6, unique_by=lambda pair: pair[0].job_id
        ),
        delay=st.sampled_from([0, 3600]),
    )
    def end_many(self, endings, delay):
        self._end(endings, delay)

    def _end(self, endings, delay):
        expected = {
            (handle.job_id, handle.attempt): event
            for handle, event in endings
            if self.lives[handle.job_id].is_in_the_hands_of(handle.attempt)
        }
        outcomes = [
            Outcome(
                job_id=handle.job_id,
                attempt=handle.attempt,
                event=event,
                return_value=next(self.values) if event == Event.SUCCEED else None,
                history=[{"outcome": "failed"}] * (self.lives[handle.job_id].history + 1),
                delay=delay,
                retention=3600,
            )
            for handle, event in endings
        ]

        recorded = conclude(outcomes)

        assert recorded == set(expected)
        assert not recorded & self.won, "an attempt was won twice"
        self.won |= recorded
        for outcome in outcomes:
            if (outcome.job_id, outcome.attempt) in recorded:
                life = self.lives[outcome.job_id]
                life.state = outcome.target
                life.value = outcome.return_value
                life.history += 1
                if life.state == JobState.READY:
                    life.delivered, life.due = False, delay == 0

    @rule(backend=BACKENDS)
    def deliver_what_is_due(self, backend):
        due = {
            job_id
            for job_id, life in self.lives.items()
            if life.state == JobState.READY and not life.delivered and life.due and life.backend == backend
        }

        assert {job.id for job in take_due(backend, leased=backend == "leased", limit=1000)} == due

        for job_id in due:
            self.lives[job_id].delivered = True

    @rule()
    def let_time_pass(self):
        """The delays are over: whoever waits for another attempt is due."""
        Job.objects.filter(state=JobState.READY, delivered_at=None).update(due_at="2026-01-05 08:00:00+00:00")
        for life in self.lives.values():
            if life.state == JobState.READY and not life.delivered:
                life.due = True

    @rule(job_id=jobs)
    def cancel_one(self, job_id):
        life = self.lives[job_id]

        assert cancel_waiting([job_id], timedelta(hours=1)) == (life.state == JobState.READY)

        if life.state == JobState.READY:
            life.state = JobState.CANCELLED

    @rule(job_id=jobs)
    def requeue_one(self, job_id):
        life = self.lives[job_id]

        assert requeue([job_id]) == (life.state in FINISHED)

        if life.state in FINISHED:
            life.state, life.delivered, life.due, life.value = JobState.READY, False, True, None
            life.history += 1

    @rule(job_ids=st.lists(jobs, max_size=4, unique=True), source=BACKENDS, to=BACKENDS)
    def move_some(self, job_ids, source, to):
        moved = [
            life
            for life in (self.lives[job_id] for job_id in job_ids)
            if life.state == JobState.READY and life.backend == source
        ]

        assert move(job_ids, source, to) == len(moved)

        for life in moved:
            life.backend, life.due, life.delivered = to, life.due or life.delivered, False

    # --- what always holds ---

    @invariant()
    def the_table_is_as_the_model_says(self):
        table = {
            job.id: (job.state, job.backend, job.attempt, job.worker, job.return_value, len(job.attempts))
            for job in Job.objects.all()
        }
        assert table == {
            job_id: (life.state, life.backend, life.attempt, life.worker, life.value, life.history)
            for job_id, life in self.lives.items()
        }

    @invariant()
    def no_job_is_forgotten(self):
        """Whoever is READY waits for a worker or for its time; whoever is not has nothing to wait for."""
        for job in Job.objects.all():
            if job.state == JobState.READY:
                assert job.due_at is not None or job.delivered_at is not None
            else:
                assert job.due_at is None
            assert (job.finished_at is not None) == (job.prune_at is not None) == (job.state in FINISHED)


@pytest.mark.django_db
def test_no_order_of_events_loses_a_job_or_lets_two_win():
    run_state_machine_as_test(Lives, settings=SETTINGS)
