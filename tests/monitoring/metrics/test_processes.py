"""The folder in which many processes count: it stays small, and no sum goes backwards."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from taskyard_monitoring.metrics.processes import VARIABLE, Folder, folder_for_children

SCRIPT = """
import sys, time
from prometheus_client import Counter, Gauge, Histogram
counter = Counter("jobs", "Jobs.", ["task"])
histogram = Histogram("run", "Time.", buckets=(1, 10))
Gauge("live", "Live.", multiprocess_mode="livesum").set(1)
for number in range(int(sys.argv[1])):
    counter.labels("a").inc()
    histogram.observe(number)
counter.labels("b \\u00fc").inc(0.5)
print("counted", flush=True)
if len(sys.argv) > 2:
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def count(folder):
    """Have a process of its own count so many: `count(3)`, or `count(3, stays=True)`."""
    started = []

    def run(times, *, stays=False):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(times), *(["stay"] if stays else [])],
            env={**os.environ, VARIABLE: str(folder.path)},
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"counted\n"
        if not stays:
            assert process.wait(30) == 0
        return process

    yield run
    for process in started:
        process.kill()
        process.wait(30)
        process.stdout.close()


def values(folder):
    registry = folder.registry()
    return {
        "a": registry.get_sample_value("jobs_total", {"task": "a"}),
        "b": registry.get_sample_value("jobs_total", {"task": "b ü"}),
        "sum": registry.get_sample_value("run_sum"),
        "count": registry.get_sample_value("run_count"),
        "up to 1": registry.get_sample_value("run_bucket", {"le": "1.0"}),
        "live": registry.get_sample_value("live"),
    }


def files(folder):
    return sorted(path.name for path in folder.path.glob("*.db"))


def test_the_dead_are_added_up_and_the_living_left_alone(folder, count):
    count(3)
    count(5)
    living = count(2, stays=True)
    before = values(folder)
    assert before["live"] == 3

    folder.tidy()

    assert values(folder) == {**before, "live": 1}
    assert values(folder) == {"a": 10, "b": 1.5, "sum": 14, "count": 10, "up to 1": 6, "live": 1}
    assert files(folder) == sorted(
        [
            *("counter_dead.db", "histogram_dead.db"),
            *(f"{kind}_{living.pid}.db" for kind in ("counter", "gauge_livesum", "histogram")),
        ]
    )


def test_a_thousand_dead_leave_two_files(folder, count):
    """Their files are copies of one's, under ids that no process has: a thousand starts take too long."""
    process = count(2)
    for number in range(1000):
        for kind in ("counter", "histogram"):
            copy = (folder.path / f"{kind}_{process.pid}.db").read_bytes()[: 1 << 12]
            (folder.path / f"{kind}_{2**30 + number}.db").write_bytes(copy)

    before = values(folder)
    folder.tidy()
    folder.tidy()

    assert values(folder) == {**before, "live": None}
    assert before["a"] == 2002
    assert files(folder) == ["counter_dead.db", "histogram_dead.db"]


def test_processes_that_come_and_go_are_never_counted_backwards(folder, count):
    seen, done = [], threading.Event()

    def scrape():
        while not done.is_set():
            with folder.held():
                seen.append(values(folder)["a"] or 0)
            folder.tidy()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        for _ in range(8):
            count(10)
    finally:
        done.set()
        thread.join()

    folder.tidy()
    assert seen == sorted(seen)
    assert values(folder)["a"] == 80
    assert files(folder) == ["counter_dead.db", "histogram_dead.db"]


def test_who_was_killed_still_counts(folder, count):
    process = count(4, stays=True)
    process.send_signal(signal.SIGKILL)
    process.wait(30)

    folder.tidy()

    assert values(folder)["a"] == 4


def test_what_a_process_had_no_time_to_begin_is_left_out(folder, count, caplog):
    count(1)
    (folder.path / f"counter_{2**30}.db").touch()

    folder.tidy()

    assert values(folder)["a"] == 1
    assert "not readable" in caplog.text


def test_what_a_process_is_about_to_begin_is_passed_over(folder, count):
    count(1)
    (folder.path / f"counter_{os.getpid()}.db").touch()

    assert values(folder)["a"] == 1


def test_children_get_a_folder_that_is_gone_with_them(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)

    with folder_for_children() as folder:
        assert os.environ[VARIABLE] == str(folder.path)
        assert folder.path.is_dir()

    assert VARIABLE not in os.environ
    assert not folder.path.exists()


def test_a_folder_that_the_site_has_chosen_stays(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "chosen"))

    with folder_for_children() as folder:
        assert folder.path == tmp_path / "chosen"

    assert folder.path.is_dir()
    assert os.environ[VARIABLE]
