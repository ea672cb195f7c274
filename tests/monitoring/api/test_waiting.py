"""Waiting for a job through the API, on a real ASGI server, and what those of WSGI say instead."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from taskyard.models import Job
from taskyard.states import JobState
from tests.monitoring.api.conftest import Caller, problem
from tests.monitoring.api.served import served
from tests.tasks.jobs import PAST, add_job


@pytest.mark.django_db
class TestAtOnce:
    """Whatever serves it: where there is nothing to wait for, and where nobody can."""

    def test_a_finished_job_is_told_at_once(self, ada):
        job = add_job(JobState.SUCCESSFUL, owner=ada.owner, return_value=7)

        answer = ada.get(f"jobs/{job.pk}/wait?timeout=60")

        assert (answer.json()["return_value"], answer.headers.get("Retry-After")) == (7, None)

    def test_wsgi_says_when_to_ask_again(self, ada):
        job = add_job(JobState.RUNNING, owner=ada.owner)
        began = time.monotonic()

        answer = ada.get(f"jobs/{job.pk}/wait?timeout=60")

        assert (answer.json()["state"], answer["Retry-After"]) == ("RUNNING", "2")
        assert time.monotonic() - began < 30

    def test_a_state_that_it_has_left_is_told_at_once(self, ada):
        job = add_job(JobState.RUNNING, owner=ada.owner)

        assert "Retry-After" not in ada.get(f"jobs/{job.pk}/wait?state=waiting").headers
        assert "Retry-After" in ada.get(f"jobs/{job.pk}/wait?state=running").headers

    def test_somebody_elses_is_unknown(self, ada, bob):
        job = add_job(owner=bob.owner)

        problem(ada.get(f"jobs/{job.pk}/wait"), 404, "unknown-job")

    @pytest.mark.parametrize("timeout", ["-1", "61", "nan", "inf", "long", "1e999", "-0.1"])
    def test_patience_has_bounds(self, ada, timeout):
        told = problem(ada.get(f"jobs/{add_job().pk}/wait?timeout={timeout}"), 422, "invalid-request")

        assert told["errors"][0]["where"] == "query.timeout"


@pytest.fixture
def site(transactional_db, tmp_path):
    with served(tmp_path) as (address, log):
        yield address
    assert "Traceback" not in log.read_text(), log.read_text()


def test_who_waits_is_told_when_it_ends(site):
    """And as soon as it moves on, if they say what they know; and at the end of their patience."""
    caller = Caller("ada")
    job = add_job(JobState.RUNNING, owner=caller.owner)

    with httpx.Client(base_url=f"{site}/api/", headers=caller.headers, timeout=90) as client:

        def wait(**parameters):
            return client.get(f"jobs/{job.pk}/wait", params=parameters)

        began = time.monotonic()
        assert wait(timeout=1).json()["state"] == "RUNNING"
        assert time.monotonic() - began >= 1

        with ThreadPoolExecutor(2) as pool:
            for_a_change, for_the_end = (
                pool.submit(wait, state="running", timeout=60),
                pool.submit(wait, timeout=60),
            )
            time_to_begin(client)
            Job.objects.filter(pk=job.pk).update(cancel_requested_at=PAST)
            assert for_a_change.result(60).json()["shown_state"] == "cancelling"
            assert not for_the_end.done()

            Job.objects.filter(pk=job.pk).update(state=JobState.SUCCESSFUL, return_value=7, finished_at=PAST)
            assert for_the_end.result(60).json()["return_value"] == 7

        # Others have been answered meanwhile, by the same process.
        assert client.get("jobs/").status_code == 200

        # Who sends in chunks does not say how much it will be.
        assert client.post("jobs/", content=iter([b"{}"])).status_code == 411


def time_to_begin(client):
    """Have the server answer others, so that it has begun with those before."""
    for _ in range(5):
        client.get("jobs/")


def test_a_database_that_is_gone_is_told(tmp_path, db):
    gone = "postgresql://nobody@127.0.0.1:1/nothing"

    with served(tmp_path, TASKYARD_TEST_DATABASE=gone) as (address, log):
        answer = httpx.get(f"{address}/api/jobs/", headers={"Authorization": "Bearer ty_x"}, timeout=60)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "127.0.0.1" not in answer.text
    assert "cannot reach the database" in log.read_text()
