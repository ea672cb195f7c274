"""The jobs of the load."""

import asyncio
import time

from taskyard import Constant, current_job, policy, task, track

from .ledger import written_down

STEP = 0.1
"""Seconds."""


@task
def quick(number: int) -> int:
    """Do next to nothing."""
    with written_down():
        return number


@task(queue_name="reports")
@policy(timeout=120)
def slow(steps: int) -> int:
    """Take a while, and say how far it is."""
    with written_down():
        for _ in track(range(steps), message="Taking a while"):
            time.sleep(STEP)
    return steps


@task
async def wait(seconds: float) -> float:
    """Wait without keeping a thread."""
    with written_down():
        await asyncio.sleep(seconds)
    return seconds


@task(queue_name="mail")
@policy(max_attempts=3, backoff=Constant(seconds=1))
def succeed_at_last(at_attempt: int) -> int:
    """Fail until this attempt."""
    with written_down():
        job = current_job()
        assert job is not None
        if job.attempt < at_attempt:
            raise OSError("The other side is busy.")
        return job.attempt


@task(queue_name="mail")
@policy(max_attempts=2, backoff=Constant(seconds=1))
def fail(number: int) -> None:
    """Fail whenever it is tried."""
    with written_down():
        raise ValueError(f"Number {number} never works.")


@task
@policy(unique=True)
def once(number: int) -> int:
    """Be there once, however often it is asked for."""
    with written_down():
        time.sleep(STEP)
        return number
