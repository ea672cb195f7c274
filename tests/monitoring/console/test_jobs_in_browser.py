"""Looking for jobs, steering them and watching one, in a real browser against a real server and worker."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from taskyard.models import AuditEntry, Job
from taskyard.states import JobState
from tests.example.tasks import fail_thrice, leave, report_and_wait
from tests.monitoring.console.conftest import WSGI, check_width, check_with_axe, served
from tests.support.servers import wait_until
from tests.tasks.jobs import FAILURE, FUTURE, PAST, add_job, fresh

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# A worker may have to start, on a machine that does much else.
expect.set_options(timeout=60_000)


def jobs(text=""):
    return reverse("taskyard:jobs") + (f"?q={text}" if text else "")


def job_page(job_id):
    return reverse("taskyard:job", args=[job_id])


def row(page, job):
    return page.locator(f'tr[data-live-job="{job.pk}"]')


# --- the search ---


def test_a_search_is_completed_word_by_word(page_of):
    failed = add_job(JobState.FAILED, queue="mail")
    add_job(queue="mail")
    page = page_of("viewer")
    page.goto(jobs())
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search for jobs")
    expect(box).to_be_focused()

    page.keyboard.insert_text("sta")  # at once: offers for a part of it would come in between
    expect(page.locator("#offers [role=option]").first).to_have_attribute("data-word", "state:")
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "offer-1")
    page.keyboard.press("Enter")
    expect(box).to_have_value("state:")
    expect(page.get_by_role("option", name="state:retrying")).to_be_visible()
    check_with_axe(page)
    page.keyboard.insert_text("fai")
    expect(page.locator("#offers [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("state:failed ")
    expect(page.locator("#offers")).to_be_hidden()

    page.keyboard.insert_text("queue:ma")
    page.get_by_role("option", name="queue:mail").click()
    expect(box).to_have_value("state:failed queue:mail ")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"\?q=state%3Afailed\+queue%3Amail"))
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    expect(row(page, failed)).to_contain_text("no luck")


def test_escape_leaves_the_offers_and_then_the_field(page_of):
    page = page_of("viewer")
    page.goto(jobs())
    page.keyboard.press("/")
    expect(page.locator("#offers [role=option]").first).to_be_visible()

    page.keyboard.press("Escape")
    expect(page.locator("#offers")).to_be_hidden()
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#q")).not_to_be_focused()


# --- keys and many jobs ---


def test_rows_are_chosen_by_keys_and_retried_from_the_dialog(page_of):
    kept, second, first = (add_job(JobState.FAILED) for _ in range(3))
    page = page_of("operator")
    page.goto(jobs("state:failed"))
    retry = page.get_by_role("button", name="Retry…")
    expect(retry).to_be_disabled()

    for key in "jxjx":
        page.keyboard.press(key)
    expect(page.locator("#picked")).to_have_text("2 chosen")
    retry.click()
    dialog = page.get_by_role("dialog", name="Retry: 2 of 2 jobs")
    expect(dialog).to_be_visible()
    check_with_axe(page)
    dialog.get_by_label("Reason").fill("the disk was full")
    dialog.get_by_role("button", name="Retry: 2 jobs").click()

    expect(page.get_by_text("2 jobs due again.")).to_be_visible()
    expect(page).to_have_url(re.compile("q=state:failed"))
    assert [fresh(job).state for job in (first, second, kept)] == ["READY", "READY", "FAILED"]
    assert AuditEntry.objects.get().reason == "the disk was full"

    page.wait_for_load_state()  # no page hears keys before
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(str(kept.pk)))


def test_leaving_the_dialog_does_nothing(page_of):
    job = add_job()
    page = page_of("operator")
    page.goto(jobs())
    row(page, job).get_by_role("checkbox").check()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_text("Leave it").click()

    expect(page.get_by_role("dialog")).to_be_hidden()
    assert fresh(job).state == JobState.READY


LOOK_AT_IT_FIRST = """
    const usual = window.setTimeout;
    window.setTimeout = (act, after, ...rest) => usual(act, after === 1000 ? 20000 : after, ...rest);
"""
"""The page goes on by itself after a second, in which nobody can look at it with axe."""


def test_more_than_one_request_takes_goes_on_by_itself(page_of):
    sample = add_job(queue="mail")
    Job.objects.bulk_create(
        Job(
            **{name: getattr(sample, name) for name in ("task", "backend", "queue", "priority", "state")},
            enqueued_at=PAST,
            delivered_at=PAST,
        )
        for _ in range(1_099)
    )
    page = page_of("operator")
    page.add_init_script(LOOK_AT_IT_FIRST)
    page.goto(jobs("queue:mail"))
    page.get_by_label("All that match").check()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel: 1,100 jobs").click()

    expect(page.get_by_text("100 are left.")).to_be_visible()
    check_with_axe(page)
    expect(page.get_by_text("1,100 jobs cancelled")).to_be_visible()
    assert not Job.objects.exclude(state=JobState.CANCELLED).exists()
    assert [entry.count for entry in AuditEntry.objects.order_by("pk")] == [1_000, 100]


def test_it_all_works_without_a_script(page_of):
    failed = add_job(JobState.FAILED)
    add_job()
    page = page_of("operator", java_script_enabled=False)
    page.goto(jobs())
    page.get_by_label("Search for jobs").fill("state:failed")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("checkbox", name=re.compile(str(failed.pk))).check()
    page.get_by_role("button", name="Retry…").click()
    page.get_by_label("Reason").fill("why not")
    page.get_by_role("button", name="Retry: 1 job").click()

    expect(page.get_by_text("1 job due again.")).to_be_visible()
    assert fresh(failed).state == JobState.READY

    page.goto(job_page(failed.pk))
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The job is cancelled.")).to_be_visible()


# --- what lives ---


def test_rows_follow_their_jobs_in_place_and_new_ones_are_offered(page_of, start, effects):
    put_off = add_job(delivered_at=None, deliveries=0, due_at=FUTURE)
    job = Job.objects.get(pk=leave.enqueue("a line").id)
    page = page_of("viewer")
    page.goto(jobs())
    expect(row(page, job).locator("[data-cell=state]")).to_have_text("waiting")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    order = page.locator("#jobs tbody tr").evaluate_all("rows => rows.map(row => row.dataset.liveJob)")
    tops = page.locator("#jobs tbody tr").evaluate_all(
        "rows => rows.map(row => row.getBoundingClientRect().top)"
    )

    start("worker")
    expect(row(page, job).locator("[data-cell=state]")).to_have_text("successful")
    expect(row(page, job).locator("[data-cell=attempt]")).to_have_text("1")
    expect(row(page, put_off).locator("[data-cell=state]")).to_have_text("scheduled")
    add_job()
    expect(page.get_by_role("link", name="1 new job")).to_be_visible()

    rows = page.locator("#jobs tbody tr")
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.liveJob)") == order
    assert rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().top)") == tops
    page.get_by_role("link", name="1 new job").click()
    expect(rows).to_have_count(3)


def test_where_nothing_streams_rows_and_the_page_of_a_job_follow_all_the_same(
    page_of, start, effects, tmp_path
):
    job = Job.objects.get(pk=leave.enqueue("a line").id)
    with served(tmp_path, WSGI) as site:
        listed, opened = (page_of("viewer", at=site, expected=["501"]) for _ in range(2))
        listed.goto(jobs())
        opened.goto(job_page(job.pk))
        expect(row(listed, job).locator("[data-cell=state]")).to_have_text("waiting")

        start("worker")
        expect(row(listed, job).locator("[data-cell=state]")).to_have_text("successful")
        expect(opened.locator("#job > .headline .state")).to_have_text("successful")
        add_job()
        expect(listed.get_by_role("link", name="1 new job")).to_be_visible()


def test_a_job_is_watched_while_it_runs_and_cancelled(page_of, start):
    result = report_and_wait.enqueue(3, 10)
    page = page_of("operator")
    page.goto(job_page(result.id))
    expect(page.get_by_text("No living worker takes jobs from queue default")).to_be_visible()
    loads = []
    page.on("load", lambda page: loads.append(page.url))

    start("worker")
    expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("value", "30")
    expect(page.get_by_text("3 of 10 so far")).to_be_visible()
    check_with_axe(page)
    assert not loads

    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("enough")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("#job > .headline .state")).to_have_text("cancelled")
    expect(page.get_by_role("link", name="Retry…")).to_be_visible()
    wait_until(lambda: Job.objects.get().state == JobState.CANCELLED, "the job is cancelled")


def test_an_attempt_that_fails_shows_without_loading_anew(page_of, start, effects):
    result = fail_thrice.enqueue("x")
    page = page_of("viewer")
    page.goto(job_page(result.id))

    start("worker")
    expect(page.locator("#job > .headline .state")).to_have_text("failed")
    expect(page.locator("details.attempt")).to_have_count(3)
    expect(page.locator("details.attempt").first).to_have_attribute("open", "")
    expect(page.get_by_text("3 of the 3 attempts that its policy allows failed.")).to_be_visible()


# --- how it looks ---


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"phone": True}], ids=["desk", "dark", "phone"])
def test_every_page_can_be_read_by_everybody(page_of, look):
    failed = add_job(
        JobState.FAILED,
        kwargs={"path": "x" * 300},
        attempts=[FAILURE | {"error": {"type": "ValueError", "traceback": f"ValueError: {'long ' * 80}"}}],
        metadata={"tags": ["billing"]},
    )
    running = add_job(
        JobState.RUNNING, progress={"done": 3, "total": 4, "message": "counting"}, worker="w" * 90
    )
    done = add_job(JobState.SUCCESSFUL, task="shop.tasks." + "very_long_name_" * 8)
    page = page_of("administrator", expected=["404"], **look)

    addresses = [
        *(jobs(), jobs("state:nonsense"), jobs("queue:none"), reverse("taskyard:audit")),
        *(job_page(job.pk) for job in (failed, running, done)),
        job_page("nonsense"),
    ]
    for address in addresses:
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        check_with_axe(page)
        check_width(page)
