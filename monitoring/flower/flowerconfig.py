"""Flower for the Celery fleet: behind a password, to look and not to touch, with links to the console.

    celery --broker redis://localhost:6379/0 flower --conf=monitoring/flower/flowerconfig.py

From the environment:

- FLOWER_BASIC_AUTH, required: `user:password`, several with commas between them.
- FLOWER_ADDRESS, default 127.0.0.1: where it listens. /metrics and /healthcheck ask for no password.
- FLOWER_READ_ONLY, default true.
- TASKYARD_CONSOLE_URL: where your console is, such as https://shop.example/console. A task's arguments, which
  Flower never gets to see, make room for the address of its job.

Flower reads the names below as its options; what is given on its command line has the last word.
"""  # noqa: INP001 - with an __init__.py beside it this folder would hide Flower itself

import os

REFUSED = {"false", "0", "no", "off"}


def credentials() -> list[str]:
    """Return who may come in.

    Raises:
        SystemExit: where nobody is named, or somebody without a password.
    """
    given = [each.strip() for each in os.environ.get("FLOWER_BASIC_AUTH", "").split(",")]
    if all(all(each.partition(":")[::2]) for each in given):
        return given
    raise SystemExit(
        "Flower is not started: it would let everybody in. Set FLOWER_BASIC_AUTH in its environment to "
        "user:password, several with commas between them; see monitoring/flower/flowerconfig.py."
    )


basic_auth = credentials()
address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")
read_only = os.environ.get("FLOWER_READ_ONLY", "true").lower() not in REFUSED

# Workers send events of themselves; this wakes those that somebody told to be silent.
enable_events = True

# Otherwise workers that are gone would stay on its pages and in its metrics for ever.
purge_offline_workers = 600

max_tasks = 20_000
tasks_columns = "name,uuid,state,args,received,started,runtime,worker"

console = os.environ.get("TASKYARD_CONSOLE_URL", "").rstrip("/")


def format_task(task):  # type: ignore[no-untyped-def]  # Flower's own class
    """Show where the job is: our messages hold their job's id, which is the task's id as well."""
    if console and task.args and task.uuid in task.args:
        task.args = f"{console}/jobs/{task.uuid}/"
    return task
