"""What waits for a page that reads slowly is only ever the latest."""

import asyncio
import threading

from taskyard_monitoring.console.viewer import Level, Viewer
from taskyard_monitoring.live.events import HEARTBEAT, event
from taskyard_monitoring.live.listener import NO_TROUBLE, TROUBLE, Listener


def listener():
    """Return one on this event loop."""
    return Listener(Viewer(Level.VIEW), frozenset(["counts"]), frozenset())


async def test_of_each_topic_only_the_latest_waits():
    slow = listener()
    for number in range(1000):
        slow.tell({"counts": f"counts {number};", "newest": f"newest {number};"})

    assert await slow.next_events(30) == "counts 999;newest 999;"
    assert await slow.next_events(0.01) == HEARTBEAT


async def test_no_topic_takes_the_place_of_another():
    slow = listener()
    slow.tell({"counts": "a;"})
    slow.tell({"newest": "b;"})

    assert await slow.next_events(30) == "a;b;"


async def test_what_was_told_is_not_told_again():
    page = listener()
    page.tell({"counts": "a"})
    assert await page.next_events(30) == "a"
    page.tell({"counts": "a"})
    assert await page.next_events(0.01) == HEARTBEAT
    page.tell({"counts": "b"})

    assert await page.next_events(30) == "b"


async def test_trouble_is_over_only_where_there_was_some():
    page = listener()
    page.tell({TROUBLE: NO_TROUBLE})
    assert await page.next_events(0.01) == HEARTBEAT
    page.tell({TROUBLE: "trouble"})
    page.tell({TROUBLE: NO_TROUBLE})

    assert await page.next_events(30) == NO_TROUBLE


async def test_another_thread_wakes_the_page():
    page = listener()
    waiting = asyncio.create_task(page.next_events(30))
    await asyncio.sleep(0)

    threading.Thread(target=page.tell, args=[{"counts": "a"}]).start()

    assert await waiting == "a"


def test_an_event_is_one_line_whatever_it_holds():
    assert event("region", html="a\nb\r\n\u2028é").splitlines()[:1] == ["event: region"]
    assert event("region", html="a\nb").count("\n") == 3
