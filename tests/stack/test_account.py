"""The account of a load finds what is wrong."""

from datetime import timedelta

import pytest

from compose.stack.load.account import account, unfinished
from compose.stack.load.ledger import Execution, executions, written_down
from compose.stack.load.mix import KINDS, Enqueued, calls, enqueue
from taskyard.models import Job
from taskyard.testing import drain

pytestmark = pytest.mark.django_db(transaction=True)

BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(autouse=True)
def ledger(settings, tmp_path):
    settings.VAR = tmp_path


@pytest.fixture
def quick():
    """A job that has run as it should."""
    [job] = enqueue(BY_NAME["quick"], "default", 1)
    drain()
    return job


def faults(*jobs):
    return account(jobs, executions())[1]


def test_a_load_without_faults():
    jobs = [job for kind in KINDS[:4] for number in range(3) for job in enqueue(kind, "default", number)]
    drain()
    sheets, found = account(jobs, executions())

    assert found == []
    assert unfinished([job.id for job in jobs]) == 0
    sheet = sheets["default"]
    assert sheet.enqueued == sheet.runs == sheet.states["SUCCESSFUL"] == len(jobs)
    assert 0 <= sheet.wait(0.5) <= sheet.wait(0.99)


def test_a_job_that_is_gone(quick):
    Job.objects.all().delete()

    assert faults(quick) == [f"{quick.id} (quick on default) is lost: no such row."]
    assert unfinished([quick.id]) == 1


def test_a_job_that_has_another_end(quick):
    Job.objects.update(state="FAILED")

    assert faults(quick) == [f"{quick.id} (quick on default): is FAILED, not SUCCESSFUL."]


def test_a_job_that_ran_unseen(quick):
    assert "has run 0 times; 1 were due" in account([quick], {})[1][0]


def test_a_job_that_ran_twice(quick):
    runs = executions()
    runs[quick.id] *= 2

    found = account([quick], runs)[1]
    assert "has run 2 times; 1 were due, and 0 lost their worker." in found[0]
    assert "ran twice at the same time." in found[1]


def test_who_lost_a_worker_may_run_again(quick):
    Job.objects.update(attempts=[{"outcome": "lost", "attempt": 1}])
    began = executions()[quick.id][0].began

    assert account([quick], {quick.id: [Execution(began), Execution(began + 50, began + 51)]})[1] == []


def test_a_job_that_began_too_early(quick):
    started = Job.objects.get().started_at
    Job.objects.update(run_after=started + timedelta(seconds=1))

    assert "before its time" in faults(quick)[0]


def test_only_jobs_are_written_down():
    with pytest.raises(AssertionError, match="for jobs"), written_down():
        pass


def test_the_same_asked_for_twice_is_one_job():
    assert len(enqueue(BY_NAME["unique"], "default", 7)) == 1
    assert len(enqueue(BY_NAME["batch"], "default", 7)) == 5


def test_every_kind_comes_on_every_backend():
    seen = set()
    for (kind, backend, _), _ in zip(calls(["a", "b", "c"]), range(200), strict=False):
        seen.add((kind.name, backend))

    assert len(seen) == 3 * len(KINDS)
    assert Enqueued("x", "a", KINDS[0]).backend == "a"
