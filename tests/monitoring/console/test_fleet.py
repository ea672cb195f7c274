"""A walk through all pages and every control, before a real fleet of mixed engines under load."""

from contextlib import ExitStack

import pytest

from taskyard.models import AuditEntry, Job, Schedule
from taskyard.testing.conformance import EngineUnderTest, tasks
from tests.monitoring.console.conftest import check_with_axe
from tests.settings import QUEUES
from tests.support.processes import environment
from tests.support.servers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BACKENDS = {"celery": "celery.CeleryBackend", "dramatiq": "dramatiq.DramatiqBackend", "arq": "arq.ArqBackend"}

PATIENCE = 90_000
"""Milliseconds: four engines, a browser and a web server may share two cores."""


class Fleet:
    """A worker of each engine, and work for all of them."""

    def __init__(self, engines):
        self.engines = engines
        self.workers = {alias: engine.worker() for alias, engine in engines.items()}
        for worker in self.workers.values():
            worker.wait_for_log("is ready", 120)

    def burst(self, queue="default"):
        """Give each engine something to do."""
        for engine in self.engines.values():
            for number in range(5):
                engine.on(tasks.leave, queue_name=queue).enqueue(str(number))
            engine.on(tasks.fail, queue_name=queue).enqueue("no luck")


@pytest.fixture
def fleet(transactional_db, tmp_path, monkeypatch, add_backend, redis_server):
    monkeypatch.setenv("TASKYARD_CONFORMANCE_FOLDER", str(tmp_path))
    for alias, backend in BACKENDS.items():
        options = {"BROKER_URL": redis_server.address, "PREFIX": f"console_{alias}"}
        add_backend(alias, {"BACKEND": f"taskyard_adapters.{backend}", "QUEUES": QUEUES, "OPTIONS": options})
    nowhere = {"BROKER_URL": "redis://127.0.0.1:1/0", "PREFIX": "nowhere", "BROKER_TIMEOUT": 1.0}
    add_backend(
        "nowhere", {"BACKEND": "taskyard_adapters.arq.ArqBackend", "QUEUES": QUEUES, "OPTIONS": nowhere}
    )
    with ExitStack() as stack:
        yield Fleet(
            {
                alias: stack.enter_context(EngineUnderTest(alias, tmp_path, environment(tmp_path)).running())
                for alias in ("default", *BACKENDS)
            }
        )


def confirm(page, button, reason):
    page.get_by_role("dialog").wait_for()
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
    page.locator(".toast.success").wait_for(timeout=PATIENCE)
    page.wait_for_load_state()  # before, a question would be asked on a page of its own


def test_an_operator_walks_through(fleet, page_of):
    page = page_of("administrator")
    fleet.burst()
    for alias, engine in fleet.engines.items():
        engine.on(tasks.wait_for_test).enqueue(alias)

    page.goto("/console/?span=15m&group=engine")
    page.locator(".tile", has_text="4 alive").wait_for(timeout=PATIENCE)
    page.locator(".tile.bad", has_text="The broker of nowhere is out of reach").wait_for(timeout=PATIENCE)

    _queues(page, fleet)
    _workers(page, fleet)
    _schedules(page)
    _engines(page)

    page.goto("/console/?span=15m&group=engine")
    for engine in ("embedded", *BACKENDS):
        page.locator(".legend").get_by_text(engine, exact=True).wait_for(timeout=PATIENCE)
    check_with_axe(page)

    page.goto("/console/audit/")
    for reason in (
        "mail moves",
        "mail has moved",
        "too loud",
        "all is calm",
        "no longer needed",
        "for the boss",
    ):
        page.get_by_text(reason).first.wait_for()
    assert set(AuditEntry.objects.values_list("user", flat=True)) == {"administrator"}


def _queues(page, fleet):
    page.goto("/console/queues/")
    page.get_by_role("link", name="Pause queue mail").first.click()
    confirm(page, "Pause", "mail moves")
    page.locator("tr.is-paused").nth(len(fleet.engines) - 1).wait_for(timeout=PATIENCE)
    fleet.burst("mail")
    page.wait_for_function(
        """(count) => {
            const cells = document.querySelectorAll('tr[data-key$=" mail"] :is([data-label=Waiting], [data-label=Later])');
            return [...cells].reduce((sum, cell) => sum + Number(cell.textContent), 0) === count;
        }""",
        arg=6 * len(fleet.engines),
        timeout=PATIENCE,
    )
    assert not Job.objects.filter(queue="mail").exclude(state="READY").exists()

    page.get_by_role("link", name="Resume queue mail").first.click()
    confirm(page, "Resume", "mail has moved")
    wait_until(lambda: not Job.objects.filter(queue="mail", state="READY").exists(), "mail is worked off", 90)
    check_with_axe(page)


def _workers(page, fleet):
    page.goto("/console/workers/")
    page.get_by_text("alive", exact=True).nth(len(fleet.engines) - 1).wait_for(timeout=PATIENCE)
    running = page.get_by_role("link", name="wait_for_test")
    page.wait_for_function(
        "(count) => document.querySelectorAll('.run').length === count",
        arg=len(fleet.engines),
        timeout=PATIENCE,
    )
    running.first.click()
    page.get_by_role("heading", name="wait_for_test").first.wait_for()
    page.go_back()
    next(iter(fleet.engines.values())).go_on()
    page.wait_for_function("() => document.querySelectorAll('.run').length === 0", timeout=PATIENCE)

    quiet = page.locator("tbody tr", has_text="default · ").first
    quiet.get_by_role("link", name="Quiet").click()
    confirm(page, "Quiet", "too loud")
    quiet.get_by_text("quiet", exact=True).wait_for(timeout=PATIENCE)
    check_with_axe(page)
    quiet.get_by_role("link", name="Wake").click()
    confirm(page, "Wake", "all is calm")

    stopped = page.locator("tbody tr", has_text="arq · ").first
    stopped.get_by_role("link", name="Stop").click()
    confirm(page, "Stop", "no longer needed")
    assert fleet.workers["arq"].ended(90) == 0, fleet.workers["arq"].log
    page.locator("tbody tr", has_text="arq · ").wait_for(state="detached", timeout=PATIENCE)


def _schedules(page):
    Schedule.objects.create(name="nightly", task="tests.example.tasks.nothing", cron="0 2 * * *")
    page.goto("/console/schedules/")
    page.get_by_role("link", name="Run now nightly").click()
    confirm(page, "Run now", "for the boss")
    wait_until(lambda: Job.objects.filter(schedule__isnull=False, state="SUCCESSFUL").exists(), "it ran", 90)
    last_success = page.locator("tr[data-key=nightly] [data-label='Last success']")
    last_success.get_by_text(" ago").wait_for(timeout=PATIENCE)


def _engines(page):
    page.goto("/console/engines/")
    for alias in BACKENDS:
        card = page.locator("section.panel", has=page.get_by_role("heading", name=alias, exact=True))
        card.get_by_text("reachable", exact=True).wait_for(timeout=PATIENCE)
    nowhere = page.locator("section.panel", has=page.get_by_role("heading", name="nowhere", exact=True))
    nowhere.get_by_text("unreachable", exact=True).wait_for(timeout=PATIENCE)
    check_with_axe(page)
