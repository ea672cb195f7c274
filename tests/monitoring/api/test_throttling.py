"""Nobody asks more often than the site allows, whichever process answers."""

import subprocess
import sys

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from taskyard.models import Job
from taskyard_monitoring.api import throttling, tokens
from taskyard_monitoring.api.throttling import Rate, seconds_to_wait
from tests.monitoring.api.conftest import problem

NOON = 1_800_000_000.0
"""A multiple of a minute."""


@pytest.fixture
def clock(monkeypatch):
    """Return a function that sets how many seconds past noon it is."""

    class Clock:
        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(throttling, "time", clock)

    def set_to(seconds):
        clock.now = NOON + seconds

    set_to(0)
    return set_to


def allowed(limit="10/m", key="ada", times=100):
    """Return how many of so many requests are let in."""
    return sum(seconds_to_wait(Rate.parse("API_RATE", limit), key) == 0 for _ in range(times))


class TestCounting:
    def test_so_many_are_let_in(self, clock):
        assert allowed() == 10
        assert allowed(key="bob") == 10

    def test_they_come_back_little_by_little(self, clock):
        assert allowed() == 10
        clock(60)
        assert allowed() == 0
        clock(60 + 30)
        assert allowed() == 5
        clock(3 * 60)
        assert allowed() == 10

    def test_there_is_no_burst_where_two_windows_meet(self, clock):
        clock(59)
        assert allowed() == 10
        clock(61)
        assert allowed() <= 1

    @pytest.mark.parametrize("at", [0, 1, 29, 59])
    @pytest.mark.parametrize("limit", ["1/m", "7/m", "100/m"])
    def test_who_waits_as_told_is_let_in(self, clock, at, limit):
        clock(at)
        allowed(limit, times=300)
        wait = seconds_to_wait(Rate.parse("API_RATE", limit), "ada")

        clock(at + wait)
        assert seconds_to_wait(Rate.parse("API_RATE", limit), "ada") == 0

    def test_who_is_refused_is_not_counted(self, clock):
        allowed(times=1000)
        clock(60 + 30)
        assert allowed() == 5

    def test_without_the_cache_all_are_let_in(self, settings, caplog):
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://127.0.0.1:1",
            }
        }
        assert allowed(times=12) == 12
        assert "the cache does not answer" in caplog.text

    @pytest.mark.parametrize(
        "text", ["10", "0/m", "-1/m", "10/y", "ten/m", "10 / m", "1e3/s", "9999999999/s"]
    )
    def test_a_rate_is_one(self, text):
        with pytest.raises(ImproperlyConfigured, match="600/m"):
            Rate.parse("API_RATE", text)


COUNT = """
from django.core.cache import cache
from taskyard_monitoring.api.throttling import Rate, seconds_to_wait
print(sum(seconds_to_wait(Rate(50, 86_400), "ada") == 0 for _ in range(40)))
"""


def test_all_processes_count_together(redis_server, tmp_path):
    """On Redis, whose counting is atomic."""
    setup = (
        "from django.conf import settings; settings.configure(CACHES={'default': {'BACKEND': "
        f"'django.core.cache.backends.redis.RedisCache', 'LOCATION': {redis_server.address!r}}}}}, "
        "INSTALLED_APPS=['taskyard', 'taskyard_workers', 'taskyard_monitoring', 'django.contrib.auth', "
        "'django.contrib.contenttypes'], TASKS={}); import django; django.setup()"
    )
    counting = [
        subprocess.Popen([sys.executable, "-c", f"{setup}\n{COUNT}"], stdout=subprocess.PIPE)
        for _ in range(2)
    ]

    assert sum(int(each.communicate(timeout=60)[0]) for each in counting) == 50


@pytest.mark.django_db
class TestAnswers:
    @pytest.fixture(autouse=True)
    def _rates(self, settings, clock):
        settings.TASKYARD_MONITORING = {"API_RATE": "5/m", "API_ENQUEUE_RATE": "2/m"}

    def test_too_many_are_told_when_to_come_back(self, ada, bob):
        assert {ada.get("jobs/").status_code for _ in range(5)} == {200}

        answer = ada.get("jobs/")

        told = problem(answer, 429, "too-many-requests")
        assert answer["Retry-After"] == "72"
        assert "5/m" in told["detail"]
        assert "72 s" in told["detail"]
        assert bob.get("jobs/").status_code == 200

    def test_each_token_has_its_own_measure(self, ada):
        for _ in range(5):
            ada.get("jobs/")
        _, text = tokens.issue(ada.user, "another")

        assert ada.get("jobs/").status_code == 429
        assert ada.get("jobs/", headers={"Authorization": f"Bearer {text}"}).status_code == 200

    def test_enqueueing_has_a_measure_of_its_own(self, ada):
        answers = [ada.enqueue("anything", value=1).status_code for _ in range(3)]

        assert answers == [201, 201, 429]
        assert Job.objects.count() == 2
        assert ada.get("jobs/").status_code == 200

    def test_who_guesses_is_held_up_by_their_address(self, ada):
        answers = [Client().get("/api/jobs/", headers={"Authorization": f"Bearer {n}"}) for n in range(6)]

        assert [each.status_code for each in answers] == [401] * 5 + [429]
        assert ada.get("jobs/").status_code == 200

    def test_without_a_rate_there_is_no_limit(self, ada, settings):
        settings.TASKYARD_MONITORING = {"API_RATE": "", "API_ENQUEUE_RATE": ""}

        assert {ada.enqueue("anything", value=1).status_code for _ in range(20)} == {201}
        assert cache.get("anything") is None
