"""The tasks that the suite runs. Their effects are lines in files, counted from outside the system."""

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from taskyard import Constant, GiveUp, Retry, Snooze, current_job, policy, report_progress, task

FOLDER = "TASKYARD_CONFORMANCE_FOLDER"
"""The environment variable that tells the tasks where to leave their lines."""


def folder() -> Path:
    """Return where the tasks leave their lines."""
    return Path(os.environ[FOLDER])


def _leave(line: str) -> None:
    with (folder() / "effects").open("a") as file:
        file.write(f"{line}\n")


def _go_on() -> bool:
    """Whether the tasks that wait for the test may end."""
    return (folder() / "go-on").exists()


@task
def leave(line: str) -> str:
    """Leave a line."""
    _leave(line)
    return line


@task
async def leave_async(line: str) -> str:
    """Leave a line, on an event loop."""
    _leave(line)
    return line


@task
def wait_for_test(line: str) -> None:
    """Leave a line, wait until the test says go on, leave another."""
    _leave(f"{line} started")
    while not _go_on():
        time.sleep(0.01)
    _leave(f"{line} finished")


@task
async def wait_for_test_async(line: str) -> None:
    """Leave a line, wait until the test says go on, leave another; on an event loop."""
    _leave(f"{line} started")
    while not _go_on():
        await asyncio.sleep(0.01)
    _leave(f"{line} finished")


@task
def wait_to_be_cancelled() -> None:
    """Leave a line, work until somebody cancels the job, leave another if it were to go on after that."""
    _leave("started")
    while not _go_on():
        time.sleep(0.01)
    _leave("went on")


@task
async def wait_to_be_cancelled_async() -> None:
    """Do as `wait_to_be_cancelled` does, on an event loop."""
    _leave("started")
    while not _go_on():
        await asyncio.sleep(0.01)
    _leave("went on")


@task
def give_back(value: Any) -> Any:
    """Return the argument."""
    return value


@task(takes_context=True)
def attempt_of(context: Any, line: str) -> int:
    """Return the number of the attempt."""
    _leave(line)
    return int(context.attempt)


@task
def fail(message: str) -> None:
    """Raise."""
    raise ValueError(message)


@task
async def fail_async(message: str) -> None:
    """Raise, on an event loop."""
    raise ValueError(message)


@task
def fail_at_length() -> None:
    """Raise with a traceback of more than a megabyte."""
    raise ValueError("x" * 1_000_000)


@task(takes_context=True)
@policy(max_attempts=3, backoff=Constant(seconds=0.2))
def succeed_third_time(context: Any, line: str) -> int:
    """Fail twice, then return."""
    _leave(line)
    if context.attempt < 3:
        raise ValueError("not yet")
    return int(context.attempt)


@task(takes_context=True)
def snooze_twice(context: Any) -> None:
    """Put itself off twice; each time it is the first attempt, for none has counted."""
    _leave(f"attempt {context.attempt}")
    if len((folder() / "effects").read_text().splitlines()) < 3:
        raise Snooze(0.2)


@task
@policy(max_attempts=5, backoff=Constant(seconds=0))
def give_up_at_once() -> None:
    """Fail for good at the first attempt, whatever the policy says."""
    _leave("tried")
    raise GiveUp("it makes no sense")


@task(takes_context=True)
@policy(max_attempts=2, backoff=Constant(seconds=3600))
def ask_for_another_try(context: Any) -> None:
    """Ask to be tried again sooner than the policy says."""
    _leave("tried")
    if context.attempt == 1:
        raise Retry(after=0.2)


@task
@policy(unique=True)
def be_the_only_one(line: str) -> None:
    """Leave a line, and wait until the test says go on."""
    _leave(line)
    while not _go_on():
        time.sleep(0.01)


@task
def tell_of_itself() -> dict[str, Any]:
    """Return what the task can know of its job."""
    return _about(current_job())


@task
async def tell_of_itself_async() -> dict[str, Any]:
    """Return what the task can know of its job, on an event loop."""
    return _about(current_job())


def _about(job: Any) -> dict[str, Any]:
    return {"id": str(job.id), "queue": job.queue, "attempt": job.attempt, "metadata": dict(job.metadata)}


@task
@policy(max_attempts=5, backoff=Constant(seconds=0), give_up_on=KeyError)
def give_up(line: str) -> None:
    """Raise what is not worth another attempt."""
    _leave(line)
    raise KeyError(line)


@task(takes_context=True)
def kill_process_at_first(context: Any) -> None:
    """Kill the process that runs it, as a lack of memory would; at the second attempt do no harm."""
    _leave(f"attempt {context.attempt}")
    if context.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)


@task
def exit_process() -> None:
    """Exit, as a task should not."""
    sys.exit(3)


@task
def sit_in_c() -> None:
    """Leave a line, and sit in a call that no exception reaches."""
    _leave("started")
    time.sleep(300)


@task
def return_no_json() -> object:
    """Return what no JSON column takes."""
    return threading.Lock()


@task
@policy(timeout=0.3)
def run_over() -> None:
    """Never end by itself."""
    while True:
        time.sleep(0.01)


@task
@policy(timeout=0.3)
async def run_over_async() -> None:
    """Never end by itself, on an event loop."""
    await asyncio.Event().wait()


@task
def report(done: int, total: int) -> None:
    """Report progress."""
    report_progress(done, total, "so far")


@task
def enqueue_another(line: str) -> None:
    """Enqueue a job from within a job, on the same backend."""
    leave.using(backend=os.environ["TASKYARD_CONFORMANCE_BACKEND"]).enqueue(line)
