"""Where the time went, and to whom it is told."""

import re

import pytest
from django.contrib.auth.models import User

from taskyard.middleware import timed
from taskyard.middleware.timing import MOST_NAMES

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
]

ENTRY = re.compile(
    r'(?P<name>[A-Za-z0-9_-]+)(;desc="(?P<times>\d+) times")?;dur=(?P<milliseconds>\d+\.\d{3})'
)


@pytest.fixture(autouse=True)
def _ours(site, settings):
    site("server_timing_middleware")
    settings.DEBUG = True


def entries(response):
    """Return name -> (times, milliseconds)."""
    found = [ENTRY.fullmatch(entry) for entry in response["Server-Timing"].split(", ")]
    assert all(found), response["Server-Timing"]
    return {entry["name"]: (int(entry["times"] or 1), float(entry["milliseconds"])) for entry in found}


def test_it_tells_the_total_the_blocks_and_the_database(get):
    found = entries(get("time"))

    assert next(iter(found)) == "total"
    assert {name: times for name, (times, _) in found.items()} == {
        "total": 1,
        "db": 2,
        "in-detail": 1,
        "search": 2,
    }
    assert found["total"][1] >= found["search"][1] >= found["in-detail"][1]
    assert found["search"][1] >= found["db"][1] > 0


def test_what_the_view_says_itself_stays(get):
    assert get("time", query="?cache")["Server-Timing"].startswith("cache;dur=1, total;dur=")


def test_the_number_of_entries_is_bounded(get):
    found = entries(get("time-much"))

    assert len(found) == MOST_NAMES + 2
    assert found["other"][0] == 1000 - MOST_NAMES


@pytest.mark.parametrize("view", ["stream", "file", "fail", "miss"])
def test_every_response_has_it(get, view):
    assert "total" in entries(get(view))


def test_it_does_not_get_in_the_way_of_what_others_watch(get):
    response = get("time-in-own-wrapper")

    assert response.read == b"1"
    assert entries(response)["db"][0] == 2


def test_without_debug_it_is_told_to_the_staff_alone(get, settings):
    settings.DEBUG = False
    ada = User.objects.create(username="ada", is_staff=True)
    bob = User.objects.create(username="bob")

    assert "db" in entries(get("time", user=ada, query="?as=ada"))
    assert "Server-Timing" not in get("time", user=bob, query="?as=bob")
    assert "Server-Timing" not in get("time")


def test_nobody_is_asked_for_who_they_are(get, settings):
    settings.DEBUG = False
    ada = User.objects.create(username="ada", is_staff=True)

    assert "Server-Timing" not in get("time", user=ada)


def test_outside_a_request_nothing_is_timed():
    with timed("search"):
        assert User.objects.count() == 0
