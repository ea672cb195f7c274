"""What a million finished jobs cost: the same work on an empty table and on a full one.

    python -m benchmarks.million [--rows 1000000] [--databases sqlite,postgresql]

Prints milliseconds, the median of many, and how much longer it takes on the full table.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from benchmarks.databases import measured_on

REPEATED = 300
"""How often short things are done."""

Figures = dict[str, float]


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Return the median time of a piece of work."""
    spans = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        spans.append((time.perf_counter() - started) * 1000)
    return statistics.median(spans)


def measure() -> Figures:
    """Measure what workers and people do all day."""
    from taskyard import enqueue_many  # noqa: PLC0415 - Django is set up first
    from taskyard.operating.queues import queue_statuses  # noqa: PLC0415
    from taskyard.operating.search import Search  # noqa: PLC0415
    from taskyard.retention import prune  # noqa: PLC0415
    from taskyard.states import Event  # noqa: PLC0415
    from taskyard.transitions import Claims, Outcome, claim_waiting, conclude  # noqa: PLC0415
    from tests.example.tasks import nothing  # noqa: PLC0415

    def claim(limit: int) -> None:
        jobs = claim_waiting(Claims("default", ("default",), "bench", limit))
        assert len(jobs) == limit
        claimed.extend(jobs)

    def finish() -> None:
        job = claimed.pop()
        conclude([Outcome(job_id=job.id, attempt=1, event=Event.SUCCEED, retention=600)])

    def list_jobs(words: str) -> Callable[[], object]:
        return lambda: Search.parse(words).page()

    claimed: list = []
    return {
        "enqueue one": milliseconds(nothing.enqueue, REPEATED),
        "enqueue 1,000 together": milliseconds(lambda: enqueue_many(nothing, [()] * 1000), 5),
        "claim one": milliseconds(lambda: claim(1), REPEATED),
        "claim 50": milliseconds(lambda: claim(50), 50),
        "finish one": milliseconds(finish, REPEATED),
        "prune, nothing to do": milliseconds(prune, 50),
        "list the newest": milliseconds(list_jobs(""), 50),
        "list failed": milliseconds(list_jobs("state:failed"), 50),
        "list running": milliseconds(list_jobs("state:running"), 50),
        "list by argument": milliseconds(list_jobs("args.order:42"), 5),
        "list queues": milliseconds(queue_statuses, 20),
    }


def fill(rows: int) -> None:
    """Fill the table with finished jobs: a thousand different ones, over and over."""
    from datetime import timedelta  # noqa: PLC0415

    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from taskyard.ids import earliest_job_id  # noqa: PLC0415
    from taskyard.models import JOB_TABLE, Job  # noqa: PLC0415

    now = timezone.now()
    week_ago = earliest_job_id(now - timedelta(days=7)).int >> 80
    common = {
        "task": "tests.example.tasks.nothing",
        "backend": "default",
        "queue": "default",
        "priority": 0,
        "state": "SUCCESSFUL",
        "attempt": 1,
        "worker": "bench",
        "enqueued_at": now,
        "started_at": now,
        "last_attempted_at": now,
        "finished_at": now,
        "prune_at": now + timedelta(days=7),
    }
    Job.objects.all().delete()
    Job.objects.bulk_create(Job(**common, kwargs={"order": number}) for number in range(1000))
    columns = ", ".join(field.column for field in Job._meta.concrete_fields if field.column != "id")
    new_id = {
        "postgresql": f"(lpad(to_hex({week_ago} + (random() * 604800000)::bigint), 12, '0') "
        "|| substr(md5(random()::text), 13))::uuid",
        "sqlite": f"printf('%012x', {week_ago} + abs(random()) % 604800000) || lower(hex(randomblob(10)))",
    }[connection.vendor]
    count = 1000
    with connection.cursor() as cursor:
        while count < rows:
            step = min(count, rows - count)
            cursor.execute(
                f"INSERT INTO {JOB_TABLE} (id, {columns}) SELECT {new_id}, {columns} FROM {JOB_TABLE} "
                f"LIMIT {step}"
            )
            count += step
        if connection.vendor == "postgresql":
            cursor.execute(f"VACUUM ANALYZE {JOB_TABLE}")


def measure_both(rows: int) -> tuple[Figures, Figures]:
    """Measure on the empty table of a new database, then on the full one."""
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    empty = measure()
    fill(rows)
    return empty, measure()


def main() -> None:
    """Measure on each database, in a process of its own because Django's settings are read once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure_both(options.rows)))
        return
    for kind in options.databases.split(","):
        empty, full = measured_on(kind, "benchmarks.million", options.rows)
        print(f"{kind + ', in ms':<28}{'empty':>10}{f'{options.rows:,}':>12}{'ratio':>8}")
        for name, before in empty.items():
            print(f"{name:<28}{before:>10.2f}{full[name]:>12.2f}{full[name] / before:>8.2f}")


if __name__ == "__main__":
    main()
