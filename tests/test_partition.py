"""The benchmark of a partition: its figures, its network, and what it found: a connection that notices silence."""

import subprocess
import sys
import time

import pytest

from benchmarks.partition.figures import Cut, Line, figures, said
from benchmarks.partition.hosts import NotPossible, address, on, two_hosts
from benchmarks.partition.table import text
from taskyard_workers.silence import PATIENCE
from tests.support.processes import ROOT

# --- figures ---

CUT = Cut("broker", begun=100.0, healed=130.0, until=150.0)


def lines(*words):
    return [Line.parse(each) for each in words]


QUIET = lines(
    "90.0 enqueued celery 1 near",
    "90.5 started celery 1 far",
    "91.0 ended celery 1 far",
    "99.0 enqueued celery 2 near",
    "99.1 started celery 2 far",
    "101.0 enqueued celery 3 near",
    "101.2 started celery 3 near",
    "101.6 ended celery 3 near",
    "131.5 enqueued celery 4 near",
    "132.0 started celery 4 far",
    "132.5 ended celery 4 far",
)


def test_a_cut_that_a_job_sits_out():
    found = figures([*QUIET, *lines("107.0 ended celery 2 far")], CUT)

    assert (found.enqueued, found.in_hand, found.twice, found.lost) == (1, 1, 0, 0)
    assert (found.went_on, found.taken_over) == (None, None)
    assert (found.usual_wait, found.longest_wait, found.back) == (0.3, 0.2, 2.0)


def test_a_job_that_others_take_over():
    again = lines("107.0 ended celery 2 far", "146.0 started celery 2 near", "146.4 ended celery 2 near")

    found = figures([*QUIET, *again], CUT)

    assert (found.twice, found.taken_over, found.lost) == (1, (46.0, 46.0), 0)


def test_a_worker_that_goes_on_for_a_while():
    more = lines("102.0 enqueued celery 5 near", "103.0 started celery 5 far")

    found = figures([*QUIET, *more], CUT)

    assert (found.went_on, found.in_hand) == (3.0, 2)
    assert found.lost == 2  # neither it nor 2 has ended


def test_a_delay_that_was_asked_for_is_no_waiting():
    late = lines(
        "110.0 enqueued celery 11 near", "111.5 started celery 11 near", "112.0 ended celery 11 near"
    )

    assert figures([*QUIET, *late], CUT, delay=1.0, late=[11]).longest_wait == 0.5


def test_what_a_worker_said():
    log = """\
99.000 WARNING too early
101.500 WARNING Job 01a1fecd-823a-7136-883e-cc5ecdcc2bc0 could not be claimed (timed out); trying again.
103.500 WARNING Job 01a1fecd-823a-7136-883e-cc5ecdcc2bc1 could not be claimed (timed out); trying again.
104.000 INFO not worth it
Traceback: no line of ours
"""
    assert said(log, 100.0, 150.0) == [(1.5, 2, "Job … could not be claimed (timed out); trying again.")]


def test_the_table():
    of_backend = {
        **figures(QUIET, CUT).as_data(),
        "said": [(1.5, 2, "It is away.")],
        "health": ["3 s: 200 unknown"],
    }

    shown = text({"jobs": {"SUCCESSFUL": 4}, "cuts": {"broker": {"celery": of_backend}}})

    assert "The broker is cut off" in shown
    assert "It is away." in shown
    assert "200 unknown" in shown


# --- the network ---

CONNECT = """
import socket, sys
with socket.socket() as probe:
    probe.settimeout(1)
    try:
        probe.connect((sys.argv[1], 9))
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.fixture
def hosts():
    try:
        with two_hosts() as made:
            yield made
    except NotPossible as reason:
        pytest.skip(str(reason))


def test_a_cut_lets_nothing_pass_and_says_nothing(hosts):
    def far_end(network):
        command = on(hosts.far, sys.executable, "-c", CONNECT, address(network))
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert far_end("broker") == far_end("database") == "ConnectionRefusedError"  # so it got there
    hosts.cut("broker")
    assert (far_end("broker"), far_end("database")) == ("TimeoutError", "ConnectionRefusedError")
    hosts.heal("broker")
    assert far_end("broker") == "ConnectionRefusedError"


NEAR = """
import subprocess, sys
from benchmarks.partition.hosts import on
from benchmarks.partition.servers import postgresql
with postgresql():
    subprocess.run(on(sys.argv[1], sys.executable, "-c", sys.argv[2]), check=True)
"""

FAR = """
import sys, time, psycopg
from benchmarks.partition.servers import POSTGRESQL
from taskyard_workers.silence import OPTIONS
connection = psycopg.connect(POSTGRESQL, autocommit=True, **OPTIONS)
print("connected", flush=True)
sys.stdin.readline()
begun = time.monotonic()
try:
    connection.execute("SELECT 1")
except psycopg.OperationalError:
    print(time.monotonic() - begun, flush=True)
"""


@pytest.mark.slow
def test_a_connection_notices_silence(hosts):
    process = subprocess.Popen(
        on(hosts.near, sys.executable, "-c", NEAR, hosts.far, FAR),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "connected\n"
        hosts.cut("database")
        begun = time.monotonic()
        process.stdin.write("\n")
        process.stdin.flush()
        seconds = float(process.stdout.readline())
    finally:
        hosts.heal("database")
        process.stdin.close()
        process.wait(30)
        process.stdout.close()

    assert seconds < 2 * PATIENCE
    assert time.monotonic() - begun >= PATIENCE - 5
