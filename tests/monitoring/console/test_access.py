"""Who may open what: every address, every method, people of every level."""

import pytest
from django.test import Client
from django.urls import reverse

from taskyard.models import AuditEntry, PausedQueue, Schedule
from taskyard_monitoring import urls
from taskyard_monitoring.console import jobs_urls
from tests.monitoring.console.conftest import LEVELS, somebody

pytestmark = pytest.mark.django_db

LADDER = list(LEVELS)
PERMISSIONS = {"viewer": "view_console", "operator": "operate_console", "administrator": "administer_console"}

ADDRESSES = {
    "overview": ([], "viewer", None),
    "queues": ([], "viewer", None),
    "workers": ([], "viewer", None),
    "schedules": ([], "viewer", None),
    "engines": ([], "viewer", None),
    "region": (["health"], "viewer", None),
    "schedule_next": ([], "viewer", None),
    "queue_steer": (["pause"], "operator", "operator"),
    "schedule_steer": (["pause"], "operator", "operator"),
    "worker_steer": (["stop"], "administrator", "administrator"),
}
"""By name: what the address holds, who may GET it, and who may POST to it (None: nobody, there is nothing to do)."""

NOT_OURS = {"live", "metrics", "health"}

QUERY = {"queue": "mail", "schedule": "nightly", "name": "nightly", "process": "ada"}


@pytest.fixture(autouse=True)
def nightly(db):
    """A schedule to be looked at."""
    return Schedule.objects.create(name="nightly", task="tests.example.tasks.nothing", cron="0 2 * * *")


def address(name):
    return reverse(f"taskyard:{name}", args=ADDRESSES[name][0])


def test_no_address_is_forgotten():
    named = {pattern.name for pattern in urls.urlpatterns} - {pattern.name for pattern in jobs_urls.patterns}

    assert named == set(ADDRESSES) | NOT_OURS


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_strangers_sign_in_first(name, method):
    response = getattr(Client(), method)(address(name), QUERY)

    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/?next=/console/")


@pytest.mark.parametrize("who", LADDER)
@pytest.mark.parametrize("name", ADDRESSES)
def test_who_may_look(name, who):
    needed = ADDRESSES[name][1]
    response = somebody(who).get(address(name), QUERY)

    if LADDER.index(who) >= LADDER.index(needed):
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert f"taskyard_monitoring.{PERMISSIONS[needed]}" in response.content.decode()


@pytest.mark.parametrize("who", LADDER)
@pytest.mark.parametrize("name", ADDRESSES)
def test_who_may_act(name, who):
    needed = ADDRESSES[name][2]
    response = somebody(who).post(address(name), QUERY)

    if needed is None:
        looks = LADDER.index(who) >= LADDER.index(ADDRESSES[name][1])
        assert response.status_code == (405 if looks else 403)
    else:
        assert response.status_code == (302 if LADDER.index(who) >= LADDER.index(needed) else 403)
    if response.status_code != 302:
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("name", [name for name in ADDRESSES if ADDRESSES[name][2]])
def test_nothing_is_done_without_the_token(name):
    ada = somebody("administrator")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = ada.cookies

    assert strict.post(address(name), QUERY).status_code == 403
    assert not AuditEntry.objects.exists()
    assert not PausedQueue.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_other_methods_do_nothing(name, method):
    assert getattr(somebody("administrator"), method)(address(name)).status_code == 405


def test_looking_changes_nothing(operator):
    operator.get(address("queue_steer"), QUERY)
    operator.get(address("schedule_steer"), QUERY)

    assert not PausedQueue.objects.exists()
    assert not Schedule.objects.exclude(paused_at=None).exists()


@pytest.mark.parametrize("name", ["queues", "schedules", "workers"])
def test_what_one_may_not_do_is_not_shown(viewer, name):
    page = viewer.get(address(name)).content.decode()

    assert "data-dialog" not in page
    assert ">Audit<" not in page


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in():
    response = Client().get(address("region"), headers={"HX-Request": "true"})

    assert response.status_code == 401
    assert response["HX-Redirect"] == "/accounts/login/"


def test_who_is_signed_in_is_shown(operator):
    page = operator.get(address("overview")).content.decode()

    assert ">operator<" in page
    assert ">operates<" in page


@pytest.mark.parametrize("level", ["view_console", "operate_console", "administer_console"])
def test_a_higher_permission_includes_the_lower(signed_in, level):
    assert signed_in(level).get(address("overview")).status_code == 200
