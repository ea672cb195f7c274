"""A site's own Celery app and tasks."""

import os
import subprocess
import sys
from pathlib import Path

from celery import Celery, Task, bootsteps, current_task, shared_task

from taskyard import task


class SiteTask(Task):
    """What the site's own tasks are made of."""

    def __call__(self, *args, **kwargs):
        if self.name == "taskyard.run":
            raise AssertionError("This is none of the site's tasks.")
        return super().__call__(*args, **kwargs)


class SiteStep(bootsteps.StartStopStep):
    """What the site adds to its own workers."""

    def start(self, parent):
        _leave("a worker took the site's step", "steps")


app = Celery(
    "site",
    broker=os.environ.get("TEST_SITE_BROKER", "memory://"),
    task_cls=SiteTask,
    set_as_current=False,
)
app.steps["worker"].add(SiteStep)
app.steps["consumer"].add(SiteStep)
app.conf.update(
    task_default_queue=os.environ.get("TEST_SITE_QUEUE", "site"),
    task_default_queue_type="quorum",
    task_ignore_result=True,
    # What would harm our jobs, were it theirs.
    task_acks_late=False,
    task_time_limit=1,
    task_default_rate_limit="1/h",
    task_annotations={"*": {"time_limit": 1, "max_retries": None}},
    worker_prefetch_multiplier=100,
    worker_max_tasks_per_child=3,
    worker_pool_start_method="spawn",
    broker_connection_retry_on_startup=True,
)
app.set_default()

unsafe_app = Celery("unsafe", broker="memory://", set_as_current=False)

no_app = {"neither": "an app nor a path to one"}


def _leave(line, name="effects"):
    with (Path(os.environ["TASKYARD_CONFORMANCE_FOLDER"]) / name).open("a") as file:
        file.write(f"{line}\n")


@app.task
def leave(line):
    """A task of the site's own, on its app."""
    _leave(line)


@shared_task
def enqueue_job(line):
    """A task of the site's own, on whatever app there is, which enqueues a job of ours."""
    from taskyard.testing.conformance import tasks  # it needs Django, which Celery sets up later

    tasks.leave.using(backend="under_test").enqueue(line)


@task
def send_own_tasks():
    """A job that sends tasks of the site's own; it returns which app of Celery's carries it, and its id there."""
    leave.delay("task of the site's app")
    enqueue_job.delay("job of a shared task")
    return [current_task.app.main, current_task.request.id]


@task
def terminate_a_program():
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    program.terminate()
    return program.wait(30)
