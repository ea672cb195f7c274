"""The bars of `{% job_progress %}` in a real browser: live, by asking, and without a script."""

import sys
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from taskyard.models import Job
from taskyard.states import JobState
from tests.monitoring.console.conftest import Site, browser, check_with_axe  # noqa: F401 - a fixture
from tests.support.servers import wait_until
from tests.tasks.jobs import PAST, add_job

from .conftest import cookie_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PATIENCE = 60_000

UVICORN = [
    *(sys.executable, "-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "--lifespan", "off"),
    *("--timeout-graceful-shutdown", "2", "tests.monitoring.live.tag_site:application"),
]


@contextmanager
def served(folder, **variables):
    """Serve the site, for as long as the block lasts."""
    site = Site(folder, UVICORN, variables)
    try:
        yield site
    finally:
        for visitor in site.visitors:
            visitor.close()
        site.stop()


@pytest.fixture
def ann(transactional_db):
    """Somebody with jobs of their own."""
    return User.objects.create_user("ann")


@pytest.fixture
def visit(browser, ann):  # noqa: F811 - that fixture
    """Open pages as Ann: `visit(site, query)`; nothing may have gone wrong in them."""
    faults = []

    def open_page(site, query, *, expected=(), **options):
        context = browser.new_context(base_url=site.address, **options)
        context.set_default_timeout(PATIENCE)
        site.visitors.append(context)
        name, _, value = cookie_of(ann).partition("=")
        context.add_cookies([{"name": name, "value": value, "url": site.address}])
        page = context.new_page()
        note = lambda text: any(part in text for part in expected) or faults.append(text)  # noqa: E731
        page.on("console", lambda message: message.type in ("error", "warning") and note(message.text))
        page.on("pageerror", lambda error: note(f"{error}\n{error.stack}"))
        page.goto(f"/?{query}")
        return page

    yield open_page
    assert not faults


def run(job, done, total=10, **columns):
    """Let a job run, and be so far."""
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING,
        attempt=1,
        worker="ada",
        started_at=PAST,
        last_attempted_at=PAST,
        progress={"done": done, "total": total, "message": "rows"},
        **columns,
    )


def end(job, state=JobState.SUCCESSFUL):
    """Let a job end."""
    from taskyard.database import DatabaseNow

    Job.objects.filter(pk=job.pk).update(state=state, attempt=1, finished_at=DatabaseNow(), return_value=7)


def bar_of(page, job):
    """Return the bar of a job."""
    return page.locator(f'taskyard-progress[data-job="{job.pk}"]')


def sees(page, job, word, value=None, detail=None):
    """Wait until a page shows this of a job."""
    bar = bar_of(page, job)
    expect(bar.get_by_role("status")).to_have_text(word, timeout=PATIENCE)
    if value is not None:
        expect(bar.locator("progress")).to_have_js_property("value", value, timeout=PATIENCE)
    if detail is not None:
        expect(bar.locator("[data-part=detail]")).to_have_text(detail, timeout=PATIENCE)


def test_bars_move_and_share_one_stream(tmp_path, ann, visit):
    jobs = [add_job(owner=str(ann.pk)) for _ in range(3)]
    with served(tmp_path) as site:
        page = visit(site, f"jobs={','.join(str(job.pk) for job in jobs)}")
        page.evaluate(
            """() => { window.heard = [];
            for (const name of ["taskyard:update", "taskyard:finished"])
                addEventListener(name, (event) => heard.push([name, event.detail.id, event.detail.state])); }"""
        )
        for job in jobs:
            sees(page, job, "Waiting", 0)
        check_with_axe(page)
        for number, job in enumerate(jobs):
            run(job, number)
        for number, job in enumerate(jobs):
            sees(page, job, "Running", 10 * number, f"{number} of 10 rows")
        end(jobs[0])
        end(jobs[1], JobState.FAILED)
        sees(page, jobs[0], "Done", 100, "")
        sees(page, jobs[1], "Failed", 0)
        finished = [each for each in page.evaluate("heard") if each[0] == "taskyard:finished"]
        assert sorted(finished) == sorted(
            ["taskyard:finished", str(job.pk), state]
            for job, state in zip(jobs, ["successful", "failed"], strict=False)
        )
        run(jobs[2], 7)
        sees(page, jobs[2], "Running", 70)
        # One when the page was opened, and one each time that fewer jobs were left.
        assert 1 <= int(page.request.get("/opened/").text()) <= 3


def test_the_page_after_the_job_is_gone_to_unless_somebody_objects(tmp_path, ann, visit):
    going, staying = (add_job(owner=str(ann.pk)) for _ in range(2))
    with served(tmp_path) as site:
        page = visit(site, f"jobs={going.pk}&then=/done/")
        stays = visit(site, f"jobs={staying.pk}&then=/done/")
        stays.evaluate("addEventListener('taskyard:finished', (event) => event.preventDefault())")
        end(going)
        end(staying)

        expect(page.get_by_role("heading", name="All is done")).to_be_visible(timeout=PATIENCE)
        sees(stays, staying, "Done", 100)
        assert "jobs=" in stays.url


def test_a_failed_job_leads_nowhere(tmp_path, ann, visit):
    job = add_job(owner=str(ann.pk))
    with served(tmp_path) as site:
        page = visit(site, f"jobs={job.pk}&then=/done/")
        end(job, JobState.FAILED)

        sees(page, job, "Failed")
        assert "jobs=" in page.url


def test_where_there_are_no_streams_the_page_asks(tmp_path, ann, visit):
    jobs = [add_job(owner=str(ann.pk)) for _ in range(2)]
    with served(tmp_path, TEST_NO_STREAM="1") as site:
        one = visit(site, f"jobs={jobs[0].pk}", expected=["501"])
        both = visit(site, f"jobs={jobs[0].pk},{jobs[1].pk}", expected=["501"])
        for job in jobs:
            run(job, 3)
        sees(one, jobs[0], "Running", 30)
        for job in jobs:
            sees(both, job, "Running", 30)
        for job in jobs:
            end(job)
        sees(one, jobs[0], "Done", 100)
        for job in jobs:
            sees(both, job, "Done", 100)


def test_a_page_finds_back_to_a_server_that_was_away(tmp_path, ann, visit):
    job = add_job(owner=str(ann.pk))
    with served(tmp_path) as site:
        page = visit(site, f"jobs={job.pk}", expected=["ERR_"])
        run(job, 2)
        sees(page, job, "Running", 20)
        site.stop()
        run(job, 5)
        site.start()

        sees(page, job, "Running", 50)


def test_a_page_that_nobody_sees_gives_its_stream_back(tmp_path, ann, visit):
    job = add_job(owner=str(ann.pk))
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with served(tmp_path) as site:
        page = visit(site, f"jobs={job.pk}")
        run(job, 1)
        sees(page, job, "Running", 10)
        page.evaluate(hide, True)
        wait_until(lambda: page.request.get("/listeners/").text() == "0", "nobody listens")
        run(job, 9)
        page.evaluate(hide, False)

        sees(page, job, "Running", 90)


def test_without_scripts_the_page_shows_it_when_it_is_read_again(tmp_path, ann, visit):
    job = add_job(owner=str(ann.pk))
    with served(tmp_path) as site:
        page = visit(site, f"jobs={job.pk}&then=/done/", java_script_enabled=False)
        sees(page, job, "Waiting")
        run(job, 4)
        page.get_by_role("link", name="Refresh").click()
        sees(page, job, "Running", detail="4 of 10 rows")
        end(job)
        page.get_by_role("link", name="Refresh").click()
        sees(page, job, "Done")
        page.get_by_role("link", name="Continue").click()

        expect(page.get_by_role("heading", name="All is done")).to_be_visible(timeout=PATIENCE)
