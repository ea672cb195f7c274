"""Tasks that make spans."""

from opentelemetry import trace

from taskyard import task


@task(queue_name="mail")
def work():
    with trace.get_tracer("tests").start_as_current_span("work"):
        pass


@task
async def work_async(number):
    import asyncio

    await asyncio.sleep(0.01)
    with trace.get_tracer("tests").start_as_current_span(f"work {number}"):
        await asyncio.sleep(0.01)


@task
def enqueue_work():
    work.enqueue()
