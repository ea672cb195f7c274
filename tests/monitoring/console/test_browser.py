"""The console in a real browser: every page in both colours and sizes, keys, dialogs, times, and no script at all."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from taskyard.models import AuditEntry, Job, PausedQueue, Schedule
from taskyard_monitoring.models import RollUp
from taskyard_workers.models import WorkerProcess
from tests.monitoring.console.conftest import check_width, check_with_axe
from tests.support.servers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PAGES = [
    "",
    "?measure=run&percentile=99",
    "queues/",
    "workers/",
    "schedules/",
    "engines/",
    "queues/pause/?queue=mail",
]


@pytest.fixture
def things(transactional_db):
    """Something on every page, in good order and in bad."""
    now = timezone.now()
    common = {"task": "shop.tasks.send_receipt", "backend": "default", "priority": 0, "enqueued_at": now}
    for state in ("READY", "FAILED", "SUCCESSFUL", "CANCELLED"):
        delivered = now if state == "READY" else None
        Job.objects.create(**common, queue="mail", state=state, delivered_at=delivered)
    for number in range(5):
        Job.objects.create(
            **common,
            queue="mail",
            state="RUNNING",
            worker="w0",
            attempt=1,
            last_attempted_at=now - timedelta(hours=number),
        )
    PausedQueue.objects.create(name="reports", paused_at=now, paused_by="olga")
    for number, trait in enumerate(({}, {"wish": "quiet"}, {"lost_at": now}, {"wish": "stop"})):
        WorkerProcess.objects.create(
            id=f"w{number}",
            name=f"worker-{number}",
            backend="default",
            host="a-host-with-quite-a-long-name.example.internal",
            pid=4711,
            concurrency=8,
            started_at=now,
            beat_at=now,
            memory=123_456_789,
            version="1.0",
            **trait,
        )
    nothing = "tests.example.tasks.nothing"
    Schedule.objects.create(
        name="nightly", task=nothing, cron="0 2 * * *", next_slot=now + timedelta(hours=5)
    )
    Schedule.objects.create(name="paused", task=nothing, cron="0 2 * * *", paused_at=now)
    Schedule.objects.create(name="faulty", task=nothing, cron="0 2 * * *", fault="It takes no argument 'x'.")


@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, False), (False, True), (True, True)])
def test_every_page_is_for_everybody(things, page_of, dark, phone):
    page = page_of("administrator", dark=dark, phone=phone)
    for address in PAGES:
        page.goto(f"/console/{address}")
        check_width(page)
        check_with_axe(page)

    for width in () if phone else (800, 1100, 1170, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        for address in PAGES:
            page.goto(f"/console/{address}")
            check_width(page)
            for name in page.locator("td.name").all():
                assert name.bounding_box()["width"] > 110, f"{address} at {width}"

    page.goto("/console/queues/")
    page.get_by_role("link", name="Pause queue mail").first.click()
    page.get_by_label("Reason").wait_for()
    check_with_axe(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keys").click()
    check_with_axe(page)


@pytest.mark.parametrize("status", [403, 404])
def test_errors_are_pages_of_the_console(things, page_of, status):
    who, address = {403: ("nobody", ""), 404: ("viewer", "regions/none/")}[status]
    page = page_of(who, expected=[f"status of {status}"])

    assert page.goto(f"/console/{address}").status == status
    check_with_axe(page)
    check_width(page)


def test_the_keys(things, page_of):
    page = page_of("administrator")
    page.goto("/console/")

    for key, heading in (
        ("q", "Queues"),
        ("w", "Workers"),
        ("s", "Schedules"),
        ("e", "Engines"),
        ("o", "Overview"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.get_by_role("heading", level=1, name=heading).wait_for()
        page.wait_for_load_state()  # no page hears keys before

    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="hidden")

    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("g q")
    assert page.locator("#find").input_value() == "g q", "keys are letters where one types"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")

    page.keyboard.press("p")
    assert page.locator("#live").inner_text() == "Paused"


def test_the_first_tab_skips_to_the_page(things, page_of):
    page = page_of("viewer")
    page.goto("/console/queues/")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_colours_are_remembered(things, page_of):
    page = page_of("viewer")
    page.goto("/console/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Colours").select_option("dark")
    page.goto("/console/queues/")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert page.get_by_label("Colours").input_value() == "dark"


def test_times_are_the_viewers(things, page_of):
    moment = datetime(2020, 1, 15, 12, 0, tzinfo=UTC)
    PausedQueue.objects.update(paused_at=moment)
    page = page_of("viewer", timezone_id="Asia/Tokyo")
    page.goto("/console/queues/")

    paused_at = page.locator("time[datetime^='2020-01-15T12:00']").first
    assert "15 Jan 2020, 21:00:00" in paused_at.get_attribute("title")
    assert paused_at.inner_text().endswith(" d ago")
    assert "Asia/Tokyo" in page.locator("#zone").inner_text()


def test_ages_tick_without_moving_anything(things, page_of):
    page = page_of("viewer")
    page.goto("/console/workers/")
    age = page.locator("td[data-label=Heartbeat] time").first
    before, box = age.inner_text(), page.locator(".table").bounding_box()

    wait_until(lambda: age.inner_text() != before, "the age ticks", 20)

    assert page.locator(".table").bounding_box() == box


def test_without_script_times_are_the_servers_and_questions_are_pages(things, page_of):
    PausedQueue.objects.update(paused_at=datetime(2020, 1, 15, 12, 0, tzinfo=UTC))
    page = page_of("operator", java_script_enabled=False)
    page.goto("/console/queues/")

    assert page.locator("time", has_text="2020-01-15 13:00:00").count()
    assert "Europe/Berlin" in page.locator("#zone").inner_text()

    page.get_by_role("link", name="Pause queue mail").first.click()
    page.get_by_label("Reason").fill("a test")
    page.get_by_role("button", name="Pause").click()

    page.get_by_text("Queue mail is paused.").wait_for()
    assert PausedQueue.objects.filter(name="mail").exists()


def test_a_question_is_answered_or_left(things, page_of):
    page = page_of("operator")
    page.goto("/console/queues/")
    dialog = page.get_by_role("dialog", name="Pause queue mail?")
    opener = page.get_by_role("link", name="Pause queue mail").first

    for leave in (
        lambda: page.keyboard.press("Escape"),
        lambda: dialog.get_by_role("link", name="Leave it").click(),
    ):
        opener.click()
        dialog.wait_for()
        assert page.evaluate("document.activeElement.name") == "reason"
        leave()
        dialog.wait_for(state="hidden")
        assert opener.evaluate("link => document.activeElement === link")
    assert not AuditEntry.objects.exists()

    opener.click()
    page.get_by_label("Reason").fill("the mail server moves")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Queue mail is paused.").wait_for()

    page.wait_for_load_state()  # no button does anything before
    page.get_by_role("button", name="Dismiss").click()  # at once, for it goes by itself after a while
    assert page.locator(".toast").count() == 0
    assert AuditEntry.objects.get().reason == "the mail server moves"
    # What is sent to all pages may have been drawn a moment before: then the next time shows it.
    page.locator("tr", has_text="mail").first.get_by_text("paused").wait_for()


def test_schedules_are_chosen_and_paused_together(things, page_of):
    page = page_of("operator")
    page.goto("/console/schedules/")
    page.get_by_label("All schedules").check()
    page.get_by_label("Choose paused").uncheck()
    page.get_by_role("button", name="Pause chosen").click()

    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    assert dialog.get_by_role("listitem").all_inner_texts() == ["faulty", "nightly"]
    dialog.get_by_role("button", name="Pause").click()
    page.get_by_text("2 schedules paused.").wait_for()

    assert not Schedule.objects.filter(paused_at=None).exists()


def test_the_next_runs_are_shown_on_demand_and_stay(things, page_of):
    page = page_of("viewer")
    page.goto("/console/schedules/")
    row = page.locator("tr", has_text="nightly")
    row.locator("summary").click()
    row.locator("li").nth(4).wait_for()

    Schedule.objects.filter(name="nightly").update(last_success_at=timezone.now())
    row.get_by_text(" ago").first.wait_for()  # it came by the stream

    assert row.locator("li").count() == 5
    assert row.locator("li").nth(4).is_visible()


def test_the_chart_changes_with_its_address(things, page_of):
    page = page_of("viewer")
    page.goto("/console/")
    page.get_by_role("link", name="Run time").click()
    page.get_by_role("heading", name="Run time at p95 by queue").wait_for()
    page.get_by_role("link", name="p50").click()
    page.get_by_role("heading", name="Run time at p50 by queue").wait_for()
    page.get_by_role("link", name="24 h").click()
    page.get_by_role("heading", name="Run time at p50 by queue, last 24 h").wait_for()

    assert "measure=run&percentile=50&group=queue&span=24h" in page.url
    assert page.evaluate("document.activeElement.id") == "chart-span-24h", "the focus stays"
    with page.expect_request(lambda request: "span=24h" in request.url):
        page.evaluate(
            """() => setInterval(
                () => document.getElementById("chart").dispatchEvent(new Event("taskyard:refresh")), 300
            )"""
        )
    page.go_back()
    page.get_by_role("heading", name="last 1 h").wait_for()
    page.get_by_text("The figures", exact=True).click()
    page.get_by_role("table").first.wait_for()


def test_the_chart_says_what_it_shows_under_the_pointer(things, page_of):
    slot = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=30)
    row = RollUp(step=60, slot=slot, process="w0", worker="w0", backend="default", engine="embedded")
    row.queue, row.task, row.succeeded = "mail", "t", 120
    row.save()
    page = page_of("viewer")
    page.goto("/console/")
    page.locator(".legend", has_text="mail").wait_for()

    box = page.locator(".plot-area").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50)
    assert "mail  0/s" in page.locator("#readout").inner_text()

    page.mouse.move(box["x"], box["y"] - 100)
    assert page.locator("#readout").is_hidden()


def test_a_question_that_may_not_be_asked_any_more_says_why(things, page_of):
    page = page_of("operator", expected=["403"])
    page.goto("/console/queues/")
    page.locator("#live").click()  # else the button soon goes away
    User.objects.get(username="operator").user_permissions.set(
        Permission.objects.filter(codename="view_console")
    )

    page.get_by_role("link", name="Pause queue mail").first.click()

    page.get_by_text("lacks the permission taskyard_monitoring.operate_console").wait_for()
