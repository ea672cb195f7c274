"""Two dispatchers, a hundred schedules each second, and one dispatcher killed again and again.

`python -m tests.schedule_storm --minutes 5` runs it on a PostgreSQL server of its own and prints what came of
it; the tests run a shorter one on the database they are run on.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.support import servers
from tests.support.servers import wait_until

SCHEDULES = 100
INTERVAL = timedelta(seconds=1)
KILL_EVERY = 20.0


@dataclass(frozen=True)
class Storm:
    """What came of the slots of a storm."""

    slots: int
    fired: int
    missing: int
    doubled: int
    killed: int
    lateness: dict[str, float]
    """Seconds from a slot to its job: half of the jobs, 99 of 100, and the last of all."""

    def __str__(self) -> str:
        late = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in self.lateness.items())
        return (
            f"{self.slots:,} slots of {SCHEDULES} schedules, {self.killed} dispatchers killed: {self.fired:,} "
            f"fired, {self.missing} missing, {self.doubled} doubled. Late by: {late}."
        )


def storm(start: Callable, seconds: float) -> Storm:
    """Let it rage for so many seconds.

    Args:
        start: starts a management command as a process.
        seconds: how long.
    """
    from django.db import connection

    from taskyard.database import database_time
    from taskyard.models import Schedule
    from taskyard.schedules.times import moment_of

    def now():
        return moment_of(database_time(connection))

    _add_schedules(now())
    dispatchers = [start("dispatcher"), start("dispatcher")]
    first = min(Schedule.objects.values_list("next_slot", flat=True))
    end = first + timedelta(seconds=seconds)
    killed = 0
    while now() < end:
        until = min(now() + timedelta(seconds=KILL_EVERY), end)
        wait_until(lambda until=until: now() >= until, "time passes", 2 * KILL_EVERY)
        if now() < end:
            dispatchers.pop(0).kill()
            killed += 1
            dispatchers.append(start("dispatcher"))
    wait_until(
        lambda: not Schedule.objects.filter(next_slot__lt=end).exists(), "all slots are decided about", 60
    )
    for dispatcher in dispatchers:
        dispatcher.kill()
    return _what_came(first, end, killed)


def _add_schedules(now):
    from taskyard.models import Schedule
    from taskyard.schedules.calendar import Every
    from tests.example.tasks import nothing

    first = next(Every(INTERVAL).after(now + timedelta(seconds=5)))
    Schedule.objects.bulk_create(
        Schedule(name=f"storm {number}", task=nothing.module_path, interval=INTERVAL, next_slot=first)
        for number in range(SCHEDULES)
    )


def _what_came(first, end, killed):
    from taskyard.models import Job, Schedule

    jobs = list(Job.objects.filter(slot__lt=end).values_list("schedule", "slot", "enqueued_at"))
    counts = Counter((schedule, slot) for schedule, slot, _ in jobs)
    steps = range(int((end - first) / INTERVAL))
    expected = {
        (pk, first + step * INTERVAL)
        for pk in Schedule.objects.values_list("pk", flat=True)
        for step in steps
    }
    late = sorted((enqueued_at - slot).total_seconds() for _, slot, enqueued_at in jobs)
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return Storm(
        slots=len(expected),
        fired=len(expected & set(counts)),
        missing=len(expected - set(counts)),
        doubled=sum(count - 1 for count in counts.values()) + len(set(counts) - expected),
        killed=killed,
        lateness={name: late[min(int(share * len(late)), len(late) - 1)] for name, share in shares.items()},
    )


def main() -> int:
    """Run a storm on a PostgreSQL server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    with servers.postgresql() as address, tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TASKYARD_TEST_DATABASE": address, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        from tests.support.processes import started_workers

        call_command("migrate", verbosity=0)
        with started_workers(Path(folder)) as start:
            came = storm(start, minutes * 60)
        connections.close_all()
    sys.stdout.write(f"{came}\n")
    return 1 if came.missing or came.doubled else 0


if __name__ == "__main__":
    sys.exit(main())
