"""One service's process: health, restart, and an end that leaves nothing."""

import asyncio
import os
import signal
import sys

import pytest

from compose.stack import leftovers
from compose.stack.addresses import Addresses
from compose.stack.layout import Layout
from compose.stack.places import Places
from compose.stack.plan import Plan
from compose.stack.process import FailedToStart, Running, members
from compose.stack.reading.service import service
from compose.stack.stack import Stack
from tests.support.servers import wait_until

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print('here', flush=True); time.sleep(600)"
)
POLITE = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nprint('here', flush=True)\ntime.sleep(600)"


def planned(tmp_path, script, name="it", **said):
    given = service(name, {"image": name, "restart": "unless-stopped", "stop_grace_period": "5s"} | said, {})
    return Plan(
        name=name,
        service=given,
        address="127.9.9.9",
        command=[sys.executable, "-c", script],
        environment=dict(os.environ),
        health=given.health,
        places=Places(given, tmp_path),
        addresses=Addresses({name: given}, "a seed"),
        data=tmp_path,
        folder=tmp_path,
    )


@pytest.fixture
async def started(tmp_path):
    """A function that starts a script; what is left at the end is killed."""
    all_of_them = []

    async def start(script, **said):
        running = Running(planned(tmp_path, script, **said), tmp_path / "log")
        await running.start()
        all_of_them.append(running)
        return running

    yield start
    for running in all_of_them:
        running.kill()
        await running.ended()


async def here(running):
    """Wait until the script has told that it is."""
    async with asyncio.timeout(30):
        while "here" not in running.log.read_text():
            await asyncio.sleep(0.02)


async def test_it_ends_by_itself_when_asked(started):
    running = await started(POLITE)
    await here(running)

    ending = await running.stop()

    assert (ending.code, ending.killed, ending.left) == (0, False, 0)
    assert ending.is_clean
    assert str(ending).startswith("ended with exit code 0 after ")


async def test_the_signal_itself_is_a_clean_end(started):
    running = await started("import time; print('here', flush=True); time.sleep(600)")
    await here(running)

    ending = await running.stop()

    assert (ending.code, ending.is_clean) == (-signal.SIGTERM, True)
    assert "by SIGTERM" in str(ending)


async def test_who_does_not_stop_is_killed_after_the_grace(started):
    running = await started(STUBBORN, stop_grace_period="500ms")
    await here(running)

    ending = await running.stop()

    assert ending.killed
    assert not ending.is_clean
    assert "was killed" in str(ending)


async def test_what_it_leaves_is_killed_and_told(started):
    running = await started(PARENT)
    await here(running)

    ending = await running.stop()

    assert (ending.left, ending.is_clean) == (1, False)
    wait_until(lambda: not members(running.pid), "the child is gone")


async def test_it_is_not_well_in_time(started):
    said = {"healthcheck": {"test": ["CMD", "false"], "interval": "500ms", "retries": 1}}
    running = await started(POLITE, **said)

    with pytest.raises(FailedToStart, match="was not well within 1 s"):
        await running.become_healthy()


async def test_it_ends_instead_of_becoming_well(started):
    said = {"healthcheck": {"test": ["CMD", "false"], "interval": "30s", "retries": 3}}
    running = await started("print('out of luck'); raise SystemExit(3)", **said)

    with pytest.raises(FailedToStart, match=r"(?s)exit code 3.*out of luck"):
        await running.become_healthy()


async def test_what_dies_is_reported_and_started_again(tmp_path):
    (tmp_path / "log").mkdir()
    told = []
    plan = planned(tmp_path, "print('here', flush=True); import time; time.sleep(600)")
    layout = Layout(tmp_path, {}, {"it": plan.service}, {"it": [plan]}, {}, [])
    stack = Stack(layout, told.append)
    await stack.up()
    [running] = stack.running("it")
    first = running.pid
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(30):
        while running.pid == first:
            await asyncio.sleep(0.02)

    [ending] = await stack.down(between=lambda: None)

    assert any("it has died with exit code -9; it is started again" in each for each in told)
    assert ending.is_clean
    assert not members(first)
    assert not members(running.pid)


async def test_all_is_stopped_whatever_fails_meanwhile(tmp_path):
    plan = planned(tmp_path, POLITE)
    stack = Stack(Layout(tmp_path, {}, {"it": plan.service}, {"it": [plan]}, {}, []), print)
    await stack.up()
    [running] = stack.running("it")

    with pytest.raises(ZeroDivisionError):
        await stack.down(between=lambda: 1 / 0)
    assert not members(running.pid)


async def test_nobody_waits_for_a_job_that_failed(tmp_path):
    broken = planned(tmp_path, "raise SystemExit('no database')", "migrate", restart="no")
    after = planned(
        tmp_path, POLITE, "site", depends_on={"migrate": {"condition": "service_completed_successfully"}}
    )
    services = {"migrate": broken.service, "site": after.service}
    stack = Stack(Layout(tmp_path, {}, services, {"migrate": [broken], "site": [after]}, {}, []), print)

    with pytest.raises(FailedToStart, match=r"(?s)migrate ended with exit code 1.*no database"):
        await stack.up()
    assert stack.running("site") == []
    await stack.down(between=lambda: None)


async def test_what_a_killed_stack_has_left_is_ended(started, tmp_path):
    mine, other = await started(POLITE), await started(POLITE)
    leftovers.write_down(tmp_path, [mine.pid])

    assert leftovers.end(tmp_path) == 1
    assert await mine.ended() == -signal.SIGKILL
    assert members(other.pid) == [other.pid]
    assert leftovers.end(tmp_path) == 0


def test_another_process_of_the_same_id_is_left_alone(tmp_path):
    (tmp_path / leftovers.FILE).write_text(f'{{"{os.getpid()}": 1}}')

    assert leftovers.end(tmp_path) == 0
