"""The no-op as our task, and one that never ends."""

import time

from benchmarks.engines import effects
from benchmarks.engines.combinations import measured_here
from taskyard import task


@task
def no_op():
    """Leave a line."""
    effects.leave_line()


@task
async def no_op_async():
    """Leave a line, on an event loop."""
    effects.leave_line()


@task
def never_end():
    """Leave a line and stay."""
    effects.leave_line()
    while True:
        time.sleep(0.05)


def measured_task():
    """Return the no-op of the kind that the engine's own tasks are."""
    return no_op_async if measured_here().is_async else no_op
