"""What the console costs with a full table: how fast pages answer, and what an open one asks of the database.

    python -m benchmarks.console [--rows 1000000] [--databases sqlite,postgresql]

Prints milliseconds, the median of several, each time with nothing remembered of the present. Beside the
finished jobs there are a backlog, running jobs under a fleet of workers, schedules, and roll-ups of two days.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from benchmarks.databases import measured_on
from benchmarks.million import fill, milliseconds

REPEATED = 15

WATCHED = 40.0
"""Seconds for which a page is kept open."""

WORKERS, SLOTS = 12, 4
QUEUES = ("default", "mail", "reports")
TASKS = [f"tests.example.tasks.task_{number}" for number in range(10)]

Figures = dict[str, float | None]


def populate() -> None:
    """Put what a busy site has beside its finished jobs into the database."""
    from django.db import connection, transaction  # noqa: PLC0415 - Django is set up first
    from django.utils import timezone  # noqa: PLC0415

    from taskyard.models import JOB_TABLE, Job, Schedule  # noqa: PLC0415
    from taskyard.states import JobState  # noqa: PLC0415
    from taskyard_workers.models import WorkerProcess  # noqa: PLC0415

    now = timezone.now()
    common = {"backend": "default", "priority": 0, "enqueued_at": now, "kwargs": {"order": 42}}
    running = {"delivered_at": now, "started_at": now, "last_attempted_at": now, "attempt": 1}
    kinds = [
        (20_000, {"state": JobState.READY, "delivered_at": now}),
        (3_000, {"state": JobState.READY, "due_at": now + timedelta(hours=1)}),
        (500, {"state": JobState.READY, "due_at": now + timedelta(hours=1), "attempt": 1}),
        (
            15_000,
            {"state": JobState.FAILED, "finished_at": now, "prune_at": now + timedelta(days=7), **running},
        ),
        (2_000, {"state": JobState.CANCELLED, "finished_at": now, "prune_at": now + timedelta(days=7)}),
    ]
    with transaction.atomic():
        for count, columns in kinds:
            Job.objects.bulk_create(
                Job(**common, queue=QUEUES[number % 3], task=TASKS[number % 10], **columns)
                for number in range(count)
            )
        for worker in range(WORKERS):
            name = f"worker-{worker}"
            WorkerProcess.objects.create(
                id=f"{name}.1",
                name=name,
                backend="default",
                host="here",
                pid=worker,
                concurrency=SLOTS,
                started_at=now,
                beat_at=now + timedelta(hours=1),
            )
            Job.objects.bulk_create(
                Job(
                    **common,
                    queue="mail",
                    task=TASKS[0],
                    state=JobState.RUNNING,
                    worker=f"{name}.1",
                    **running,
                )
                for _ in range(SLOTS)
            )
        for number in range(50):
            Schedule.objects.create(
                name=f"schedule-{number:02}",
                task=TASKS[0],
                cron="0 2 * * *",
                next_slot=now + timedelta(hours=1),
            )
    roll_up()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"VACUUM ANALYZE {JOB_TABLE}")
            cursor.execute("VACUUM ANALYZE taskyard_monitoring_rollup")


def roll_up() -> None:
    """Write the past of the charts as the fleet would have."""
    from django.db import connection, transaction  # noqa: PLC0415

    from taskyard.database import database_time  # noqa: PLC0415
    from taskyard_monitoring.history.steps import STEPS, slots_between  # noqa: PLC0415
    from taskyard_monitoring.models import RollUp  # noqa: PLC0415

    now = database_time(connection)
    times = {str(bucket): 3 for bucket in range(20, 32)}
    with transaction.atomic():
        for step in STEPS:
            kept = min(step.kept, timedelta(days=2))
            # Up to well past the present, for the time that measuring takes.
            for slot in slots_between(
                step, step.slot_of(now - kept), step.slot_of(now + timedelta(minutes=30))
            ):
                RollUp.objects.bulk_create(
                    RollUp(
                        step=step.seconds,
                        slot=slot,
                        process=f"worker-{worker}.1",
                        worker=f"worker-{worker}",
                        backend="default",
                        engine="embedded",
                        queue=QUEUES[number % 3],
                        task=task,
                        succeeded=36,
                        failed=1,
                        run_times=times,
                        waits=times,
                    )
                    for worker in range(WORKERS)
                    for number, task in enumerate(TASKS)
                )


def remembering_nothing(work: Callable[[], object]) -> Callable[[], object]:
    """Have the present looked at anew for some work; what is over stays known, as it does in a site."""
    from taskyard_monitoring import snapshot  # noqa: PLC0415
    from taskyard_monitoring.history import charting  # noqa: PLC0415

    def anew() -> object:
        snapshot.forget()
        charting._answers.clear()  # noqa: SLF001 - this benchmark looks behind the curtain
        return work()

    return anew


def measure_pages() -> Figures:
    """Measure each page, asked for by somebody who may see all."""
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.urls import NoReverseMatch, reverse  # noqa: PLC0415

    from taskyard.models import Job  # noqa: PLC0415

    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    job = Job.objects.filter(state="FAILED").latest("pk")
    pages = {
        "overview": ("overview", (), ""),
        "overview, p95 of a day": ("overview", (), "?measure=run&group=task&span=24h"),
        "jobs": ("jobs", (), ""),
        "jobs, failed": ("jobs", (), "?q=state:failed"),
        "jobs, of a queue": ("jobs", (), "?q=state:failed+queue:mail"),
        "jobs, by argument": ("jobs", (), "?q=args.order:42"),
        "job": ("job", (str(job.pk),), ""),
        **{name: (name, (), "") for name in ("queues", "workers", "schedules", "engines", "audit")},
    }
    figures: Figures = {}
    for title, (name, arguments, query) in pages.items():
        try:
            address = reverse(f"taskyard:{name}", args=arguments) + query
        except NoReverseMatch:
            figures[f"page {title}"] = None
            continue

        def get(address: str = address) -> None:
            assert client.get(address).status_code == 200, address

        figures[f"page {title}, first"] = milliseconds(get, 1)
        figures[f"page {title}"] = milliseconds(remembering_nothing(get), REPEATED)
    return figures


def measure_parts() -> Figures:
    """Measure what pages are made of."""
    from taskyard_monitoring.history import charting  # noqa: PLC0415
    from taskyard_monitoring.snapshot import snapshot  # noqa: PLC0415

    def first_chart() -> None:
        charting.forget()
        charting.chart("run", "task", "24h")

    return {
        "snapshot": milliseconds(remembering_nothing(lambda: snapshot(0)), REPEATED),
        "rates": milliseconds(remembering_nothing(charting.rates), REPEATED),
        "chart, executed in 1 h": milliseconds(
            remembering_nothing(lambda: charting.chart("executed", "queue", "1h")), REPEATED
        ),
        "chart, executed in 24 h": milliseconds(
            remembering_nothing(lambda: charting.chart("executed", "queue", "24h")), REPEATED
        ),
        "chart, p95 in 24 h": milliseconds(
            remembering_nothing(lambda: charting.chart("run", "task", "24h")), REPEATED
        ),
        "chart, p95 in 24 h, first": milliseconds(first_chart, 5),
    }


class Stopwatch:
    """Sums up what statements cost, whoever runs them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """How long they took, as who asked saw it: on a busy machine most of it is waiting for a turn."""

        self.worked = 0.0
        """Seconds that they kept a processor of the database busy."""

    def install(self, connection: BaseDatabaseWrapper, **_: object) -> None:
        """Watch a connection."""
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)

    def __call__(self, execute: Callable[..., object], *statement: Any) -> object:
        """Run a statement."""
        connection = statement[-1]["connection"]
        begun, had_worked = time.perf_counter(), processor_time(connection)
        try:
            return execute(*statement)
        finally:
            self.seconds += time.perf_counter() - begun
            self.worked += processor_time(connection) - had_worked


def processor_time(connection: BaseDatabaseWrapper) -> float:
    """Return for how many seconds the database has worked for a connection: its server, or this thread."""
    if connection.vendor != "postgresql":
        return time.thread_time()
    pid = connection.connection.info.backend_pid
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


async def keep_open(jobs: list) -> float:
    """Keep an overview open, with a list of jobs beside it, and return how many seconds it was."""
    from taskyard_monitoring.console.regions import REGIONS  # noqa: PLC0415
    from taskyard_monitoring.console.viewer import Level, Viewer  # noqa: PLC0415
    from taskyard_monitoring.history.charting import chart  # noqa: PLC0415
    from taskyard_monitoring.live import Interest, Listener  # noqa: PLC0415
    from taskyard_monitoring.scope import EVERYTHING  # noqa: PLC0415

    interest = Interest(jobs=frozenset(jobs), regions=frozenset(REGIONS))
    begun = time.perf_counter()
    async with Listener(EVERYTHING, interest, Viewer(Level.VIEW)) as listener:
        while time.perf_counter() < begun + WATCHED:
            await asyncio.to_thread(chart, "executed", "queue", "1h")  # as the page does every ten seconds
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    while True:
                        await listener.next_news(60)
    return time.perf_counter() - begun


def measure_open_page() -> Figures:
    """Measure what the database has to do for an open page."""
    from django.db.backends.signals import connection_created  # noqa: PLC0415

    from taskyard.models import Job  # noqa: PLC0415

    jobs = list(Job.objects.order_by("-pk").values_list("pk", flat=True)[:50])
    stopwatch = Stopwatch()
    connection_created.connect(stopwatch.install)
    seconds = asyncio.run(keep_open(jobs))
    connection_created.disconnect(stopwatch.install)
    return {
        "open page, statements a second": stopwatch.seconds / seconds * 1000,
        "open page, processor a second": stopwatch.worked / seconds * 1000,
    }


def measure(rows: int) -> Figures:
    """Fill a new database and measure on it."""
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    fill(rows)
    populate()
    return measure_pages() | measure_parts() | measure_open_page()


def main() -> None:
    """Measure on each database, in a process of its own because Django's settings are read once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.rows)))
        return
    columns: dict[str, Figures] = {}
    for kind in options.databases.split(","):
        columns[kind] = measured_on(kind, "benchmarks.console", options.rows)
    print(f"{f'{options.rows:,} jobs, in ms':<34}", *(f"{kind:>12}" for kind in columns))
    for name in next(iter(columns.values())):
        figures = (column.get(name) for column in columns.values())
        print(
            f"{name:<34}",
            *(f"{'not there' if figure is None else f'{figure:.1f}':>12}" for figure in figures),
        )


if __name__ == "__main__":
    main()
