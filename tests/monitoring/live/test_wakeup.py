"""Whatever happens to jobs wakes the watchers of all processes, where there is a way to tell them."""

import os
import signal
import threading
import time

import pytest
from django.db import connection, transaction

from taskyard import cancel
from taskyard_monitoring.live import telling, wakeup
from taskyard_monitoring.live.telling import Teller
from tests.example.tasks import nothing
from tests.support.processes import environment, manage
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job

# Only who is woken looks more often than that.
SLEEPY = {"watcher.TICK": 600.0, "watcher.WOKEN_TICK": 600.0, "view.HEARTBEAT_INTERVAL": 0.5}


@pytest.fixture(autouse=True)
def tells_nothing_afterwards():
    """Hold no connection to a database that is about to be deleted."""
    yield
    telling.teller.stop()


@pytest.fixture(params=["notify", "redis"])
def sleepy(request, serve, settings):
    """A site that looks when it is woken and not before."""
    variables = {}
    if request.param == "redis":
        pytest.importorskip("channels_redis")
        address = request.getfixturevalue("redis_server").address
        variables["TEST_CHANNELS"] = address
        settings.CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [address]},
            }
        }
        if connection.vendor == "mysql":
            pytest.skip("said on SQLite and PostgreSQL")
    elif connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL can notify")
    telling.teller.begin()
    site = serve(SLEEPY, **variables)
    site.channels = variables.get("TEST_CHANNELS", "")
    return site


def test_what_is_enqueued_in_another_process_is_told_on_commit(sleepy, viewer):
    page = sleepy.listen("all=1", viewer)
    page.next("")
    with transaction.atomic():
        result = nothing.enqueue()
        before = sleepy.cost()["ticks"]

    assert page.next("job", id=result.id)["state"] == "waiting"
    assert sleepy.cost()["ticks"] > before


def test_what_a_worker_does_last_is_told_before_it_ends(sleepy, viewer, tmp_path):
    result = nothing.enqueue()
    page = sleepy.listen(f"jobs={result.id}", viewer)
    assert page.next("job")["state"] == "waiting"
    settings = {"DJANGO_SETTINGS_MODULE": "tests.monitoring.live.settings", "TEST_CHANNELS": sleepy.channels}
    manage("worker", "--burst", environment={**environment(tmp_path), **settings})

    assert page.next("job", state="successful")


def test_a_cancellation_is_told(sleepy, viewer):
    job = add_job()
    page = sleepy.listen(f"jobs={job.pk}", viewer)
    assert page.next("job")["state"] == "waiting"

    cancel(str(job.pk))

    assert page.next("job")["state"] == "cancelled"


def test_many_news_are_told_together(sleepy, viewer):
    page = sleepy.listen("all=1", viewer)
    page.next("")
    before = sleepy.cost()["ticks"]
    begun = time.monotonic()
    results = [nothing.enqueue() for _ in range(100)]
    took = time.monotonic() - begun
    page.next("job", id=results[-1].id)

    assert sleepy.cost()["ticks"] - before <= 3 + took / 0.1


class Counting:
    """A way to tell that only counts."""

    def __init__(self):
        self.sent = self.rested = 0
        self.failure = None

    def send(self):
        self.sent += 1
        if self.failure:
            raise self.failure

    def rest(self):
        self.rested += 1


class TestTeller:
    def test_there_is_no_thread_before_the_first_news(self):
        teller = Teller(Counting)
        before = threading.active_count()

        assert teller._thread is None
        assert threading.active_count() == before

    def test_who_has_no_way_to_tell_keeps_no_thread(self):
        teller = Teller(lambda: None)
        teller.tell()

        wait_until(lambda: not teller._thread.is_alive(), "the thread has ended")
        teller.tell()

    def test_what_comes_together_is_told_together_and_then_it_rests(self):
        way = Counting()
        teller = Teller(lambda: way)
        begun = time.monotonic()
        for _ in range(10_000):
            teller.tell()
        took = time.monotonic() - begun
        wait_until(lambda: way.rested, "it rests")

        assert 1 <= way.sent <= 3 + took / 0.1
        before = way.sent
        teller.tell()
        wait_until(lambda: way.sent > before, "it tells again")
        teller.stop()

    def test_a_failure_harms_nobody_and_is_said_once(self, caplog, monkeypatch):
        monkeypatch.setattr(telling, "RETRY", 0.01)
        way = Counting()
        way.failure = ConnectionError("no")
        teller = Teller(lambda: way)

        def tell_until(number):
            teller.tell()
            return way.sent >= number

        wait_until(lambda: tell_until(4), "it has tried again and again")
        assert caplog.text.count("cannot be told") == 1
        way.failure = None
        wait_until(lambda: tell_until(8), "it tells again")
        teller.stop()

    def test_a_forked_child_tells_by_itself(self):
        way = Counting()
        teller = Teller(lambda: way)
        teller.tell()
        wait_until(lambda: way.sent, "the parent tells")

        child = os.fork()
        if child == 0:
            signal.alarm(20)
            teller.begin()
            before = way.sent
            teller.tell()
            wait_until(lambda: way.sent != before, "the child tells")
            os._exit(7)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        teller.stop()


class TestEars:
    def test_they_open_again_when_the_other_side_is_back(self, monkeypatch, caplog):
        monkeypatch.setattr(wakeup, "RETRY", 0.01)
        tries, woken = [], threading.Event()

        class Shaky:
            def listen(self, opened, wake, stopped):
                tries.append(1)
                if len(tries) < 3:
                    raise ConnectionError("no")
                opened()
                stopped.wait()

        ears = wakeup.Ears(Shaky, woken.set)
        wait_until(lambda: ears.are_open, "they are open")

        assert woken.wait(30), "who hears again looks at once: something may have happened meanwhile"
        assert caplog.text.count("Nobody tells us") == 1
        ears.close()
        wait_until(lambda: not ears.are_open, "they are closed")

    @pytest.mark.parametrize(
        ("backend", "means"),
        [
            ("channels.layers.InMemoryChannelLayer", "Notifications"),
            ("channels_redis.core.RedisChannelLayer", "ChannelLayer"),
        ],
    )
    def test_a_channel_layer_is_of_use_where_it_reaches_other_processes(self, db, settings, backend, means):
        pytest.importorskip("channels_redis")
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend}}
        expected = "NoneType" if means == "Notifications" and connection.vendor != "postgresql" else means

        assert type(wakeup.means()).__name__ == expected
