"""Pages that follow what happens: over the stream, by polling, paused, hidden, and with the site gone."""

import pytest
from django.utils import timezone

from taskyard.models import Job, PausedQueue, Schedule
from tests.monitoring.console.conftest import WSGI, served

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PATIENCE = 60_000
"""Milliseconds; the machine may have much else to do."""


def pause(name):
    PausedQueue.objects.create(name=name, paused_at=timezone.now(), paused_by="olga")


def badge(page, queue):
    return page.locator("tr", has_text=queue).first.get_by_text("paused", exact=True)


@pytest.fixture
def asked(page_of):
    """Open a page and note what it asks the site for: `page, requests = asked("viewer")`."""

    def open_page(name, **options):
        page = page_of(name, **options)
        requests = []
        page.on("request", lambda request: requests.append(request.url.partition("/console/")[2]))
        return page, requests

    return open_page


def test_what_happens_shows_by_itself(page_of):
    page = page_of("viewer")
    page.goto("/console/queues/")
    pause("mail")

    badge(page, "mail").wait_for(timeout=PATIENCE)


def test_one_stream_and_nothing_else_is_asked_for(asked):
    page, requests = asked("viewer")
    page.goto("/console/queues/")
    for queue in ("mail", "reports"):
        pause(queue)
        badge(page, queue).wait_for(timeout=PATIENCE)

    asked_for = [request for request in requests if request and "static" not in request]
    assert asked_for == ["queues/", "live/?regions=queues"]


def test_news_leave_focus_and_choices_alone(page_of):
    nothing = "tests.example.tasks.nothing"
    Schedule.objects.create(name="nightly", task=nothing, cron="0 2 * * *")
    Schedule.objects.create(name="weekly", task=nothing, cron="0 2 * * 1")
    page = page_of("operator")
    page.goto("/console/schedules/")
    page.get_by_label("Choose nightly").check()
    page.get_by_role("link", name="Run now weekly").focus()

    Schedule.objects.create(name="a new one", task=nothing, cron="0 2 * * *")
    page.get_by_label("Choose a new one").wait_for(timeout=PATIENCE)

    assert page.get_by_label("Choose nightly").is_checked()
    assert page.evaluate("document.activeElement.textContent") == "Run now weekly"


def test_news_leave_a_question_open(page_of):
    page = page_of("operator")
    page.goto("/console/queues/")
    page.get_by_role("link", name="Pause queue default").first.click()
    page.get_by_label("Reason").fill("half a sent")

    pause("mail")
    badge(page, "mail").wait_for(timeout=PATIENCE)

    assert page.get_by_label("Reason").input_value() == "half a sent"
    assert page.evaluate("document.activeElement.name") == "reason"


def test_news_wait_while_text_is_selected(page_of):
    page = page_of("viewer")
    page.goto("/console/queues/")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.table tbody td'))")
    with page.expect_event("console", lambda message: message.text == "news", timeout=PATIENCE):
        page.evaluate(
            """() => {
                const source = new EventSource("/console/live/?regions=queues");
                source.addEventListener("region", (event) => { if (event.data.includes("olga")) console.log("news"); });
            }"""
        )
        pause("mail")
    assert page.evaluate("String(getSelection())")
    assert not badge(page, "mail").is_visible()

    page.evaluate("getSelection().removeAllRanges()")
    badge(page, "mail").wait_for(timeout=PATIENCE)


def test_updates_are_paused_and_that_is_remembered(asked):
    page, requests = asked("viewer")
    page.goto("/console/queues/")
    page.locator("#live").click()
    assert page.locator("#live").inner_text() == "Paused"
    del requests[:]
    page.goto("/console/workers/")

    assert page.locator("#live").inner_text() == "Paused"
    assert not [request for request in requests if request.startswith("live/")]

    with page.expect_request("**/live/?regions=workers"):
        page.locator("#live").click()
    assert page.locator("#live").inner_text() == "Live"


HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_page_asks_for_nothing_and_catches_up_at_once(asked):
    page, requests = asked("viewer")
    with page.expect_request("**/live/**"):
        page.goto("/console/queues/")
    page.evaluate(HIDE, True)
    del requests[:]
    pause("mail")
    page.evaluate("dispatchEvent(new Event('focus'))")
    assert not badge(page, "mail").is_visible()
    assert requests == []

    page.evaluate(HIDE, False)
    badge(page, "mail").wait_for(timeout=PATIENCE)
    assert requests == ["live/?regions=queues"]


def test_a_lost_connection_is_said_and_found_again(page_of, site):
    page = page_of(
        "viewer", expected=["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR"]
    )
    page.goto("/console/queues/")
    page.wait_for_function("() => document.getElementById('live').dataset.state === 'live'")
    site.stop()

    page.get_by_text("Connection lost, trying again.").wait_for(timeout=PATIENCE)
    assert page.locator("#live").inner_text() == "Lost"

    site.start()
    page.get_by_text("Connection lost, trying again.").wait_for(state="hidden", timeout=PATIENCE)
    pause("mail")
    badge(page, "mail").wait_for(timeout=PATIENCE)


def test_where_nothing_streams_the_page_asks_now_and_then(page_of, tmp_path):
    with served(tmp_path, WSGI) as site:
        page = page_of("viewer", at=site, expected=["501"])
        page.goto("/console/queues/")
        pause("mail")

        badge(page, "mail").wait_for(timeout=PATIENCE)
        assert page.locator("#live").inner_text() == "Live"
        assert page.locator("#lost").is_hidden()


def test_news_move_nothing(page_of):
    """What Chromium calls layout shift, over numbers that change and a state that comes and goes."""
    page = page_of("viewer")
    for address in ("", "queues/"):
        page.goto(f"/console/{address}")
        page.evaluate(
            """() => {
                window.shifts = [];
                new PerformanceObserver((list) => {
                    for (const entry of list.getEntries()) window.shifts.push(entry.value);
                }).observe({ type: "layout-shift" });
            }"""
        )
        now = timezone.now()
        for count in (1, 20, 300):
            Job.objects.bulk_create(
                Job(task="t", backend="default", queue="mail", priority=0, enqueued_at=now, delivered_at=now)
                for _ in range(count)
            )
            total = f"{Job.objects.count():,}"
            page.get_by_text(total, exact=True).first.wait_for(timeout=PATIENCE)
        moved = page.evaluate("window.shifts.reduce((sum, each) => sum + each, 0)")
        # A longer number begins further left in its column; on the overview the queue's row appears as well.
        assert moved < (0.001 if address == "queues/" else 0.02)
        Job.objects.all().delete()
