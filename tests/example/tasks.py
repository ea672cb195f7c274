"""Tasks for the library's tests. Those with an effect leave a line in a file, to be counted from outside."""

import asyncio
import logging
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from taskyard import (
    Constant,
    Exponential,
    GiveUp,
    Retry,
    Snooze,
    current_job,
    job_metadata,
    policy,
    report_progress,
    task,
    track,
)


def _leave(line, name="effects"):
    with (Path(os.environ["TASKYARD_TEST_EFFECTS"]) / name).open("a") as file:
        file.write(f"{line}\n")


@task
def add(a, b):
    return a + b


@task
async def add_async(a, b):
    return a + b


@task
def nothing():
    return None


@task
def leave(line):
    """Leave a line."""
    _leave(line)


@task
def leave_slowly(line, seconds):
    """Leave a line at the start and another at the end."""
    _leave(f"{line} started {os.getpid()}")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.01)
    _leave(f"{line} finished {os.getpid()}")


@task
async def leave_slowly_async(line, seconds):
    _leave(f"{line} started {os.getpid()}")
    await asyncio.sleep(seconds)
    _leave(f"{line} finished {os.getpid()}")


@task
def fail(message="no luck"):
    raise ValueError(message)


@task
async def fail_async(message="no luck"):
    raise ValueError(message)


@task
@policy(max_attempts=3, backoff=Constant(seconds=0))
def fail_thrice(line="x"):
    _leave(line)
    raise ValueError("again")


@task(takes_context=True)
@policy(max_attempts=3, backoff=Constant(seconds=0))
def succeed_at(context, attempt):
    if context.attempt < attempt:
        raise ValueError(f"attempt {context.attempt}")
    return context.attempt


@task
def exit_process():
    sys.exit(3)


@task
def interrupt_keyboard():
    raise KeyboardInterrupt


@task
def give_back(value):
    return value


@task
def return_what_is_not_json():
    return object()


@task
@policy(timeout=0.2)
def run_over():
    while True:
        time.sleep(0.01)


@task
@policy(timeout=0.2)
async def run_over_async():
    await asyncio.sleep(60)


@task
@policy(timeout=2, max_attempts=2, backoff=Constant(seconds=0))
def sit_in_c(line):
    """Sit in a call that no exception reaches, the first time; the second ends well within the timeout."""
    _leave(line)
    if len((Path(os.environ["TASKYARD_TEST_EFFECTS"]) / "effects").read_text().splitlines()) == 1:
        time.sleep(300)


@task
def die():
    os.kill(os.getpid(), 9)


@task
def count_to(total):
    for _ in track(range(total), message="counting"):
        pass
    return total


@task
def report(done, total):
    report_progress(done, total, "so far")


@task
def enqueue_another(line):
    leave.enqueue(line)


@task
def thread_name():
    return threading.current_thread().name


@task
@policy(max_attempts=5, backoff=Exponential(base=2, cap=600))
def flaky():
    raise OSError("the network")


@task(priority=10, queue_name="reports")
def important(line):
    _leave(line)


@task
def report_and_wait(done, total):
    report_progress(done, total, "so far")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.01)


@task
@policy(unique=True)
def once(number=0, colour="red"):
    _leave(f"{number} {colour}")


@task
@policy(unique=("order_id",), unique_while="waiting")
def index(order_id, reason=""):
    _leave(f"{order_id} {reason}")


@task(takes_context=True)
@policy(unique=lambda order_id, **_: order_id)
def once_by_function(context, order_id, reason=""):
    return order_id


@task
@policy(unique=True, unique_for=timedelta(hours=1))
def once_an_hour(number=0):
    return number


@task
@policy(unique=True, unique_while="waiting", unique_for=timedelta(hours=1))
def start_once_an_hour(number=0):
    return number


@task
@policy(unique=())
def only_one(number):
    return number


@task
def snooze(seconds, times):
    if current_job().snoozes < times:
        raise Snooze(seconds)
    return current_job().attempt


@task
async def snooze_async(seconds, times):
    if current_job().snoozes < times:
        raise Snooze(seconds)
    return current_job().attempt


@task
@policy(max_attempts=5, backoff=Constant(seconds=0))
def give_up():
    raise GiveUp("the card was refused")


@task
@policy(max_attempts=3, backoff=Constant(seconds=0), retry_on=(OSError,), give_up_on=(Retry,))
def retry_after(seconds):
    raise Retry("the other side is busy", after=seconds)


@task
def tell_about_me():
    job = current_job()
    return [job.id, job.task, job.queue, job.attempt, dict(job.metadata)]


@task
async def tell_about_me_async():
    from asgiref.sync import sync_to_async

    job = await sync_to_async(current_job)()
    assert job is current_job()
    return [job.id, job.task, job.queue, job.attempt, dict(job.metadata)]


@task(takes_context=True)
def tell_metadata(context):
    return context.metadata


@task
def pass_on():
    with job_metadata(step="two"):
        tell_about_me.enqueue()


@task
@policy(max_attempts=2, backoff=Constant(seconds=0))
def log_a_line(line):
    logging.getLogger("tests.lines").warning(line)
    if current_job().attempt == 1:
        raise ValueError("again")


@task
def sign_in(user, password, *tokens, **details):
    """Gets what nobody else is to see."""
    return {"user": user, "session_id": password}


@task
@policy(tags=("billing", "eu"))
def bill(order=None):
    return order


@task
@policy(tags=("billing", "urgent"))
def bill_and_remind():
    """Enqueues another; its own tags go on with it."""
    with job_metadata(tags=["reminder"]):
        nothing.enqueue()
