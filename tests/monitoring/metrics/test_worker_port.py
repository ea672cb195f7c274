"""The port of a worker's own, of real workers: what it says is what ran, whatever became of who ran it."""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from taskyard import enqueue_many
from taskyard.models import Job
from taskyard.testing.conformance import tasks as conformance_tasks
from taskyard_monitoring.metrics.names import COUNTED, ENQUEUED, RESCUED
from taskyard_workers import fleet, serving
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.monitoring.metrics.scraping import get, health, scrape, wait_for_value
from tests.support.servers import wait_until

CELERY = "taskyard_adapters.celery.CeleryBackend"


def processes():
    return list(WorkerProcess.objects.filter(lost_at=None).order_by("pid"))


def stop(worker):
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0, worker.log


def children_of(worker):
    """Return the ids of the processes that a worker's parent has started itself."""
    return Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read_text().split()


def folder_of(worker):
    """Return where a worker's processes count, as a child of it was told."""
    name = b"PROMETHEUS_MULTIPROC_DIR="

    def told():
        for child in children_of(worker):
            with suppress(OSError):  # one that is just being replaced shows nothing, or is gone
                for each in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                    if each.startswith(name):
                        return Path(each.removeprefix(name).decode())
        return None

    return wait_until(told, "a process shows where it counts")


def test_what_several_processes_ran_is_counted_once_each(start, effects, port):
    enqueue_many(tasks.leave_slowly, [(f"job {number}", 0.05) for number in range(40)])
    tasks.fail_thrice.enqueue()
    worker = start("worker", "--processes", "2", "--metrics", str(port))

    wait_for_value(port, 40, "taskyard_finished_total", outcome="succeeded")
    wait_for_value(port, 1, "taskyard_finished_total", outcome="failed")

    seen = scrape(port)
    of_task = {"engine": "embedded", "queue": "default", "task": tasks.leave_slowly.module_path}
    assert seen.value("taskyard_started_total", **of_task) == 40
    assert seen.value("taskyard_run_seconds_count", **of_task) == 40
    assert seen.value("taskyard_run_seconds_sum", **of_task) >= 40 * 0.05
    assert seen.value("taskyard_run_seconds_bucket", le="+Inf", **of_task) == 40
    assert seen.value("taskyard_retried_total") == 2
    assert seen.value("taskyard_failed_attempts_total", exception="ValueError") == 3
    assert seen.value("taskyard_dispatcher_rounds_total") > 0
    assert {family.name for family in seen.families} == {
        metric.name.removesuffix("_total") for metric in COUNTED if metric not in (ENQUEUED, RESCUED)
    }
    folder = folder_of(worker)
    assert folder.is_dir()

    stop(worker)
    assert not folder.exists()


def test_a_killed_process_still_counts_when_another_has_taken_its_place(start, port):
    worker = start("worker", "--metrics", str(port))
    wait_until(processes, "it is registered", 60)
    enqueue_many(tasks.add, [(number, 1) for number in range(10)])
    wait_for_value(port, 10, "taskyard_finished_total", outcome="succeeded")
    [before] = processes()

    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: any(each.pid != before.pid for each in processes()), "another is there", 60)
    enqueue_many(tasks.add, [(number, 1) for number in range(5)])

    wait_for_value(port, 15, "taskyard_finished_total", outcome="succeeded")
    wait_until(
        lambda: not (folder_of(worker) / f"counter_{before.pid}.db").exists(), "what it left is added up"
    )
    assert scrape(port).value("taskyard_finished_total", outcome="succeeded") == 15
    stop(worker)


def test_processes_that_replace_themselves_go_on_counting_in_one_file(start, effects, port):
    worker = start("worker", "--metrics", str(port), "--max-jobs", "2", "--concurrency", "1")
    wait_until(processes, "it is registered", 60)
    enqueue_many(tasks.leave, [(str(number),) for number in range(6)])

    wait_for_value(port, 6, "taskyard_finished_total", outcome="succeeded")

    worker.wait_for_log("it has run 2 jobs")
    assert len(list(folder_of(worker).glob("counter_*.db"))) == 1
    stop(worker)


def test_forked_children_are_counted_and_leave_no_files(make_engine, port):
    engine = make_engine(CELERY, broker="redis", POOL="prefork")
    worker = engine.worker("--metrics", str(port), "--concurrency", "2", "--max-jobs", "3")
    wait_until(lambda: len(processes()) == 2, "both children are registered", 90)
    enqueue_many(engine.on(conformance_tasks.leave), [(str(number),) for number in range(20)])
    engine.finish(90)

    wait_for_value(port, 20, "taskyard_finished_total", outcome="succeeded", engine="celery")
    assert sorted(engine.effects(), key=int) == [str(number) for number in range(20)]

    def few_files():
        left = {path.stem.rpartition("_")[2] for path in folder_of(worker).glob("counter_*.db")}
        return left - {"dead"} <= {*children_of(worker), *(str(each.pid) for each in processes())}

    wait_until(few_files, "what replaced children left is added up", 90)
    assert scrape(port).value("taskyard_finished_total", outcome="succeeded") == 20

    def staying():
        """Return a child that has not run its three jobs: one that has is about to go, and hears no wish."""
        return next((each for each in processes() if Job.objects.filter(worker=each.id).count() < 3), None)

    fleet.stop([wait_until(staying, "a child is there to stay", 60).id])
    assert worker.ended(60) == 0, worker.log
    assert not processes(), "the pool stops with one of its children"


def test_an_operators_stop_ends_the_parent_too(start, port):
    worker = start("worker", "--metrics", str(port))
    [process] = wait_until(processes, "it is registered", 60)

    fleet.stop([process.id])

    assert worker.ended() == 0, worker.log


def test_burst_ends_as_ever(start, effects, port):
    tasks.leave.enqueue("one")

    worker = start("worker", "--burst", "--metrics", str(port))

    assert worker.ended() == 0, worker.log
    assert effects() == ["one"]


def test_a_dispatcher_has_a_port_too(start, port):
    worker = start("dispatcher", "--metrics", str(port))
    wait_until(lambda: "Serving" in worker.log, "it serves", 60)
    wait_until(lambda: scrape(port).value("taskyard_dispatcher_rounds_total") > 1, "it makes rounds", 60)

    assert health(port) == (200, "ok", [])
    stop(worker)


def test_other_paths_and_methods_are_told_what_is_here(start, port):
    worker = start("worker", "--metrics", str(port))
    wait_until(lambda: "Serving" in worker.log, "it serves", 60)

    assert get(port, "/") == (404, "Here are /metrics and /healthz.\n")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /metrics HTTP/1.0\r\n\r\n")
        assert b"405 Method Not Allowed" in connection.makefile("rb").readline()
    stop(worker)


def test_where_the_site_has_a_token_the_port_wants_it(start, port):
    site = "tests.monitoring.metrics.site_with_token"
    worker = start("worker", "--metrics", str(port), "--settings", site)
    wait_until(lambda: "Serving" in worker.log, "it serves", 60)

    status, text = get(port, "/metrics")
    assert (status, "METRICS_TOKEN" in text) == (401, True)
    assert get(port, "/metrics", {"Authorization": "Bearer wrong"})[0] == 401
    assert get(port, "/metrics", {"Authorization": "Bearer s3cret"})[0] == 200
    assert health(port)[0] == 200
    stop(worker)


# --- what cannot be served ---


def test_a_port_that_is_taken_is_said_to_be(db):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CommandError, match=f"{address} cannot be listened on: .*in use"):
            call_command("dispatcher", "--metrics", address)


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "127.0.0.1:", ":9191", "-1", "9191:x"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(CommandError, match="is no port"):
        call_command("worker", f"--metrics={text}")


@pytest.mark.parametrize(
    ("text", "host", "shown"),
    [
        ("9191", "127.0.0.1", "127.0.0.1:9191"),
        ("0.0.0.0:9191", "0.0.0.0", "0.0.0.0:9191"),
        ("[::1]:9191", "::1", "[::1]:9191"),
    ],
)
def test_addresses_are_read(text, host, shown):
    address = serving._address(text)

    assert address == (host, 9191)
    assert str(address) == shown


def test_without_monitoring_it_is_said_what_to_install(db, monkeypatch):
    monkeypatch.setattr(serving, "_chosen", [])

    with pytest.raises(CommandError, match=r'Add "taskyard_monitoring" to INSTALLED_APPS .*\[monitoring\]"'):
        call_command("worker", "--metrics", "9191")
