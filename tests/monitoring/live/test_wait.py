"""A request that waits for a job: a real server, real connections."""

import json
import threading
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from taskyard.models import Job
from taskyard.ownership import owner_key
from taskyard.states import JobState
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job

from .conftest import sign_up

NO_JOB = "0190b6f4-7c1e-7000-8000-000000000000"


@pytest.fixture
def ask(site):
    """Ask how Ada's job is, somebody else's where it is said; returns the answer."""
    user, cookie = sign_up("ada")
    job = add_job(owner=owner_key(user.pk))

    def get(query="timeout=0", which=None, as_cookie=cookie, **headers):
        return site.get(f"/live/jobs/{which or job.pk}/wait/?{query}", as_cookie, **headers)

    get.job = job
    get.begin = lambda query: site.ask(f"/live/jobs/{job.pk}/wait/?{query}", cookie)
    return get


@contextmanager
def as_soon_as_somebody_waits(site, act):
    """Do something once a request waits."""

    def wait():
        site.wait_for_listeners(1)
        act()
        connection.close()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def finish(job):
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCESSFUL, finished_at=timezone.now())


def test_how_it_is_now(ask):
    answer = ask()

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body())["state"] == "waiting"


def test_a_finished_job_is_told_of_at_once(ask):
    finish(ask.job)

    assert json.loads(ask("timeout=60").body())["is_finished"]


def test_the_end_is_waited_for(ask, site):
    with as_soon_as_somebody_waits(site, lambda: finish(ask.job)):
        answer = ask("timeout=60")

    assert json.loads(answer.body())["state"] == "successful"
    site.wait_for_listeners(0)


def test_another_state_than_the_caller_knows(ask, site):
    def run():
        Job.objects.filter(pk=ask.job.pk).update(state=JobState.RUNNING)

    assert json.loads(ask("timeout=60&state=scheduled").body())["state"] == "waiting"
    with as_soon_as_somebody_waits(site, run):
        answer = ask("timeout=60&state=waiting")

    assert json.loads(answer.body())["state"] == "running"


def test_any_change_of_what_the_caller_has(ask, site):
    def go_on():
        Job.objects.filter(pk=ask.job.pk).update(progress={"done": 1, "total": 2, "message": ""})

    etag = ask().headers["etag"]
    with as_soon_as_somebody_waits(site, go_on):
        answer = ask("timeout=60", If_None_Match=etag)

    assert (answer.status, json.loads(answer.body())["progress"]["done"]) == (200, 1)
    assert answer.headers["etag"] != etag


def test_nothing_new_in_time(ask):
    etag = ask().headers["etag"]

    answer = ask("timeout=0.2", If_None_Match=etag)

    assert (answer.status, answer.headers["etag"]) == (304, etag)


@pytest.mark.parametrize("whose", ["somebody", None])
def test_somebody_elses_is_as_unknown_as_none(ask, whose):
    theirs = add_job(owner=whose)

    answers = [ask(which=which) for which in (theirs.pk, NO_JOB)]

    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body() == f"There is no job {theirs.pk}."


def test_a_malformed_id_is_none(ask):
    assert ask(which="7").status == 404


@pytest.mark.parametrize("timeout", ["-1", "61", "soon", "nan", "inf", "1e400"])
def test_a_patience_that_makes_no_sense(ask, timeout):
    answer = ask(f"timeout={timeout}")

    assert (answer.status, "from 0 to 60" in answer.body()) == (400, True)


def test_strangers_wait_for_nothing(ask):
    assert ask(as_cookie="").status == 403


def test_under_wsgi_the_answer_comes_at_once(transactional_db, settings):
    settings.ROOT_URLCONF = "taskyard_monitoring.live.urls"
    user, _ = sign_up("bob")
    job = add_job(owner=owner_key(user.pk))
    client = Client()
    client.force_login(user)

    answer = client.get(f"/jobs/{job.pk}/wait/?timeout=60")

    assert (answer.status_code, answer["Retry-After"], answer.json()["state"]) == (200, "2", "waiting")
    assert client.get(f"/jobs/{add_job(owner='x').pk}/wait/").status_code == 404


def test_who_stops_waiting_leaves_nothing_behind(ask, site):
    ask()
    before = site.cost()["threads"]
    waiting = [ask.begin("timeout=60") for _ in range(30)]
    site.wait_for_listeners(30)
    wait_until(lambda: site.cost()["threads"] < before + 15, "no thread stays with who waits")

    for page in waiting:
        page.close()

    site.wait_for_listeners(0)
    wait_until(lambda: not site.cost()["is_running"], "the watcher has ended")
