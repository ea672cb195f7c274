"""What waits for somebody who reads slowly is only ever the latest."""

import asyncio
import threading

import pytest

from taskyard_monitoring.live import Ended, Full, Interest, Listener, News
from taskyard_monitoring.live.events import events_of, heartbeat
from taskyard_monitoring.live.listener import MOST_TOPICS
from taskyard_monitoring.live.wakeup import Ears
from taskyard_monitoring.live.watcher import Watcher
from taskyard_monitoring.scope import EVERYTHING


def news(topic, words="", number=0):
    return News("region", {"words": words}, topic, f"e-{number}")


@pytest.fixture
def watched():
    """A watcher of one's own, that draws nothing and hears nothing."""
    return Watcher(dict, lambda wake: Ears(lambda: None, wake))


@pytest.fixture
async def listener(transactional_db, watched):
    """Somebody who listens."""
    async with Listener(EVERYTHING, Interest(), watched_by=watched) as listening:
        yield listening


async def test_of_each_topic_only_the_latest_waits_and_the_latest_comes_last(listener):
    for number in range(1000):
        listener.take([news("counts", f"counts {number}"), news("newest", f"newest {number}")], "e-1")
    listener.take([news("counts", "last")], "e-2")

    told = await listener.next_news(30)

    assert [each.data["words"] for each in told] == ["newest 999", "last"]
    assert await listener.next_news(0.01) == []


async def test_who_cannot_follow_is_told_to_read_anew(listener):
    listener.take([news(number) for number in range(MOST_TOPICS + 1)], "e-7")

    [told] = await listener.next_news(30)

    assert (told.name, told.id) == ("missed", "e-7")


async def test_another_thread_wakes_who_waits(listener):
    waiting = asyncio.create_task(listener.next_news(30))
    await asyncio.sleep(0)

    def tell():
        listener.loop.call_soon_threadsafe(listener.take, [news("counts")], "e-1")

    threading.Thread(target=tell).start()

    assert [each.topic for each in await waiting] == ["counts"]


async def test_the_end_is_told_before_all_else(listener, watched):
    listener.take([news("counts")], "e-1")
    watched.end()

    with pytest.raises(Ended, match="shutdown") as end:
        while True:
            await listener.next_news(30)

    assert end.value.reason == "shutdown"
    with pytest.raises(Ended):
        async with Listener(EVERYTHING, Interest(), watched_by=watched):
            pass


async def test_who_passes_nothing_on_is_cancelled(listener, watched):
    hangs = asyncio.Event()

    async def pass_on():
        async with Listener(EVERYTHING, Interest(), watched_by=watched) as slow:
            slow.take([news("counts")], "e-1")
            await slow.next_news(30)
            listening.append(slow)
            hangs.set()
            await asyncio.Event().wait()

    listening = []
    task = asyncio.create_task(pass_on())
    await hangs.wait()
    assert not listening[0].is_stuck(60)
    assert listening[0].is_stuck(0)

    listening[0].end("slow")

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(30):
            await task
    assert len(watched) == 1, "only who hangs is gone"


async def test_who_leaves_while_waiting_is_forgotten(watched, transactional_db):
    async def listen():
        async with Listener(EVERYTHING, Interest(everything=True), watched_by=watched) as listening:
            entered.set()
            await listening.next_news(60)

    entered = asyncio.Event()
    task = asyncio.create_task(listen())
    await entered.wait()
    assert len(watched) == 1
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(watched) == 0


async def test_no_more_than_the_limit(listener, watched, monkeypatch):
    monkeypatch.setattr(Watcher, "is_full", True)

    with pytest.raises(Full):
        async with Listener(EVERYTHING, Interest(), watched_by=watched):
            pass


def test_an_event_is_one_line_whatever_it_holds():
    told = events_of([News("region", {"html": "a\nb\r\n\u2028é"}, "counts", "e-1")])

    assert told.splitlines()[:2] == ["id: e-1", "event: region"]
    assert told.count("\n") == 4


def test_a_heartbeat_is_a_comment():
    assert heartbeat("") == ": all is quiet\n\n"
    assert heartbeat("e-1") == ": all is quiet\nid: e-1\n\n"
