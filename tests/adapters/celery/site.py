"""A site's own Celery app and tasks."""

import os
import subprocess
import sys

from celery import Celery, current_app, shared_task

from taskyard import task

app = Celery("site", broker=os.environ.get("TEST_SITE_BROKER", "memory://"), set_as_current=False)
app.conf.update(
    task_default_queue=os.environ.get("TEST_SITE_QUEUE", "site"),
    task_ignore_result=True,
    # What would harm our jobs, were it theirs.
    task_acks_late=False,
    task_time_limit=1,
    task_default_rate_limit="1/h",
    worker_prefetch_multiplier=100,
    worker_max_tasks_per_child=3,
    broker_connection_retry_on_startup=True,
)
app.set_default()

unsafe_app = Celery("unsafe", broker="memory://", set_as_current=False)

no_app = {"neither": "an app nor a path to one"}


@shared_task
def own_task(line):
    """A task of the site's own, which enqueues a job of ours."""
    from taskyard.testing.conformance import tasks  # it needs Django, which Celery sets up later

    tasks.leave.using(backend="under_test").enqueue(f"job of {line}")


@task
def send_own_task(line):
    """A job that sends a task of the site's own."""
    own_task.delay(line)


@task
def current_apps_name():
    return current_app.main


@task
def terminate_a_program():
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    program.terminate()
    return program.wait(30)
