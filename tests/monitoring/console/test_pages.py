"""What the pages show, also where there is nothing, and where something is out of order."""

import html
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from taskyard.models import Job, PausedQueue, Schedule
from taskyard_monitoring.console.regions import REGIONS
from taskyard_monitoring.console.viewer import Level, Viewer
from taskyard_monitoring.history import charting
from taskyard_monitoring.snapshot import forget, snapshot
from taskyard_workers.models import WorkerProcess

pytestmark = pytest.mark.django_db

PAGES = ["overview", "queues", "workers", "schedules", "engines"]


@pytest.fixture(autouse=True)
def present(db):
    """See this test's rows, not those of the one before."""
    forget()
    yield
    forget()


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_an_empty_site_says_what_to_do(viewer, name):
    response = viewer.get(reverse(f"taskyard:{name}"))

    assert response.status_code == 200
    words = {
        "overview": "Start a worker with manage.py worker",
        "workers": "Start one with manage.py worker",
        "schedules": "Put @schedule(",
    }
    assert words.get(name, "") in text_of(response).replace("&quot;", '"')


@pytest.mark.parametrize("name", [*PAGES, "jobs", "audit"])
def test_a_page_has_nothing_inline(administrator, name):
    page = administrator.get(reverse(f"taskyard:{name}")).content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on", page)


def test_what_happens_is_shown_on_the_overview(viewer):
    now = timezone.now()
    for number in range(3):
        Job.objects.create(
            task="t",
            backend="default",
            queue="mail",
            priority=0,
            state="FAILED",
            enqueued_at=now,
            finished_at=now,
        )
        Job.objects.create(
            task="t", backend="default", queue="mail", priority=number, enqueued_at=now, delivered_at=now
        )

    page = text_of(viewer.get("/console/"))

    assert "3 waiting" in page
    assert "3 failed" in page


def test_the_chart_is_chosen_by_its_address(viewer):
    page = viewer.get("/console/?measure=wait&percentile=99&group=task&span=24h").content.decode()

    assert "Queue wait at p99 by task, last 24 h" in page
    assert len(re.findall(r'aria-current="true"', page)) == 4
    assert "measure=run&amp;percentile=99&amp;group=task&amp;span=24h" in page


@pytest.mark.parametrize("query", ["measure=x&group=y&span=z&percentile=w", "measure=run&group=outcome"])
def test_a_chart_that_is_not_to_be_had_is_another(viewer, query):
    assert viewer.get(f"/console/?{query}").status_code == 200


def test_the_chart_is_well_formed(viewer):
    page = viewer.get("/console/").content.decode()

    levels, area = re.findall(
        r'<svg class="plot-levels.*?</svg>|<svg class="plot-area.*?</svg>\s*</svg>', page, re.DOTALL
    )
    assert ET.fromstring(levels).findall("text")
    assert ET.fromstring(area).findall("svg")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(administrator, name):
    now = timezone.now()
    for state in ("READY", "RUNNING"):
        Job.objects.create(
            task="t",
            backend="default",
            queue="two words",
            priority=0,
            state=state,
            enqueued_at=now,
            delivered_at=now,
        )

    page = administrator.get(reverse(f"taskyard:{name}")).content.decode()

    links = {html.unescape(link) for link in re.findall(r'<a[^>]* href="([^"#]+)"', page)}
    assert len(links) > 5
    for link in links:
        response = administrator.get(link)
        assert response.status_code == 200, link
        assert "Nothing was looked for" not in text_of(response), link


def test_a_worker_shows_what_it_runs(viewer):
    now = timezone.now()
    WorkerProcess.objects.create(
        id="w1",
        name="ada",
        backend="default",
        host="h",
        pid=7,
        concurrency=4,
        started_at=now,
        beat_at=now,
        memory=50_000_000,
        version="1.2",
    )
    job = Job.objects.create(
        task="shop.tasks.send",
        backend="default",
        queue="mail",
        priority=0,
        state="RUNNING",
        worker="w1",
        attempt=1,
        enqueued_at=now,
        last_attempted_at=now,
    )

    response = viewer.get("/console/workers/")

    assert reverse("taskyard:job", args=[job.pk]) in response.content.decode()
    for part in ("ada", "process 7 on h", "1.2", "1 / 4", "47.7", "alive", "send"):
        assert part in text_of(response)


def test_a_schedule_shows_how_it_stands(viewer):
    now = timezone.now()
    Schedule.objects.create(name="late one", task="t", cron="0 2 * * *", next_slot=now - timedelta(minutes=5))
    Schedule.objects.create(name="faulty one", task="t", cron="0 2 * * *", fault="There is no task t.")

    page = text_of(viewer.get("/console/schedules/"))

    assert "late one" in page
    assert " late " in page.replace("late one", "")
    assert "There is no task t." in page


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_in_which_nothing_happens_stays_the_same(name):
    WorkerProcess.objects.create(
        id="w1",
        name="ada",
        backend="default",
        host="h",
        pid=7,
        concurrency=4,
        started_at=timezone.now(),
        beat_at=timezone.now(),
    )
    shown = snapshot()

    first, second = (REGIONS[name](shown, Viewer(Level.ADMINISTER)) for _ in range(2))

    assert first == second
    assert "csrf" not in first, "one text serves all viewers"


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_can_be_asked_for(viewer, name):
    assert viewer.get(f"/console/regions/{name}/").status_code == 200


def test_an_unknown_region_is_a_404(viewer):
    assert viewer.get("/console/regions/nothing/").status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_a_database_out_of_reach_is_said_in_the_shell(viewer, name):
    with connection.execute_wrapper(_out_of_reach):
        response = viewer.get(reverse(f"taskyard:{name}"))

    assert response.status_code == 503
    assert "The database is out of reach" in text_of(response)
    assert "console.css" in response.content.decode()


def _out_of_reach(*_arguments):
    raise OperationalError("could not connect")


@pytest.fixture
def no_time_zones(settings):
    """A site without time zones, which no process changes while it runs: what charts remember has none either."""
    charting.forget()
    settings.USE_TZ = False
    yield
    charting.forget()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.usefixtures("no_time_zones")
def test_a_site_without_time_zones_has_the_pages_too(administrator, name):
    now = timezone.now()
    Schedule.objects.create(name="nightly", task="t", cron="0 2 * * *", next_slot=now, last_fired_at=now)
    PausedQueue.objects.create(name="mail", paused_at=now)
    WorkerProcess.objects.create(
        id="w1", name="ada", backend="default", host="h", pid=7, concurrency=4, started_at=now, beat_at=now
    )

    response = administrator.get(reverse(f"taskyard:{name}"))

    assert response.status_code == 200
    for moment in re.findall(r'datetime="([^"]+)"', response.content.decode()):
        assert abs(datetime.fromisoformat(moment) - datetime.now(UTC)) < timedelta(hours=25), moment
