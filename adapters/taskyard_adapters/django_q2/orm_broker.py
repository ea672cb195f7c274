"""Messages in django-q2's own table, `OrmQ`: many queues, and priorities in their exact order.

django-q2's ORM broker serves one key at a time, in any order, and asks and locks row by row. Ours writes
keys that say more (prefix, backend, rank, queue), reads them best first, and fetches as many rows as there
are free slots in one go. No key of ours equals a name of a cluster, so the two never see each other's rows.

A fetched row is locked, not deleted, until its job has its outcome. Should the worker die in between, the
lock lapses and the next one fetches the row; a job that runs or is done is not to be claimed then, so it
does no harm that a long job outlives its row's lock. For the same reason django-q2's `retry` is not ours.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connections, router, transaction
from django.db.models import Count, Q
from django.db.models.functions import Substr
from django_q.conf import Conf
from django_q.models import OrmQ

from taskyard.database import DatabaseNow

from .keys import RANK_DIGITS, row_key
from .package import Package, pack

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

LOCK = timedelta(seconds=60)
"""For how long a fetched row is its fetcher's."""

CANDIDATES = 200
"""Rows that one look at the table finds, to be fetched from until the next."""

LOOK_SHARE = 20
"""How many times as long as it took a look holds. So looking takes a twentieth of the time at most, and what
is more urgent than all that waited is noticed after 20 looks' time: tens of milliseconds, a second where a
hundred thousand wait."""


class OrmBroker:
    """One backend's messages in the database that django-q2 keeps its queue in.

    Args:
        start: what the keys of this backend start with.
    """

    waits = False
    """Whether `dequeue` waits for messages; where it does not, the worker polls."""

    def __init__(self, start: str) -> None:
        self._start = start
        self._database: str = Conf.ORM or router.db_for_write(OrmQ)
        self._candidates: list[int] = []
        self._look_again_at = 0.0

    def enqueue(self, batch: Sequence["Delivery"]) -> None:
        """Write a row for each job, all in one statement where the database takes so many.

        Their lock is empty: "at once" for us, by nobody's clock, and a `qcluster` passes them over.
        """
        self._rows().bulk_create(
            OrmQ(key=row_key(self._start, each.priority, each.queue), payload=pack(each)) for each in batch
        )

    def dequeue(self, queues: Sequence[str], limit: int) -> list[Package]:
        """Lock the best waiting rows of these queues and return them; many workers may ask at once."""
        waiting = self._waiting().filter(queue__in=queues).order_by("rank", "pk")
        if not self._candidates or time.monotonic() >= self._look_again_at:
            self._look(waiting)
        if not self._candidates:
            return []
        can_skip = connections[self._database].features.has_select_for_update_skip_locked
        with transaction.atomic(using=self._database):
            best = waiting.filter(pk__in=self._candidates).select_for_update(skip_locked=can_skip)
            found = [Package(payload, key) for key, payload in best.values_list("pk", "payload")[:limit]]
            self._of(found).update(lock=DatabaseNow() + LOCK)
        # What stood before the last one found is in others' hands.
        passed = self._candidates.index(found[-1].place) + 1 if found else len(self._candidates)
        del self._candidates[:passed]
        return found

    def _look(self, waiting: Any) -> None:
        """Note which rows are the best, in a read that locks nothing.

        django-q2's table has no index for it, so a long backlog makes it slow; then it is done less often.
        """
        begun_at = time.monotonic()
        self._candidates = list(waiting.values_list("pk", flat=True)[:CANDIDATES])
        ended_at = time.monotonic()
        self._look_again_at = ended_at + LOOK_SHARE * (ended_at - begun_at)

    def acknowledge(self, packages: Iterable[Package]) -> None:
        """Delete the rows of jobs that have their outcome."""
        self._of(packages).delete()

    def put_back(self, packages: Iterable[Package]) -> None:
        """Unlock rows whose jobs were not begun."""
        self._of(packages).update(lock=None)

    def queue_sizes(self, queues: Iterable[str]) -> dict[str, int]:
        """Return how many rows wait, by queue; those in a worker's hands do not."""
        waiting = self._waiting().filter(queue__in=list(queues))
        return dict(waiting.values_list("queue").annotate(Count("pk")))

    def _rows(self) -> Any:
        return OrmQ.objects.using(self._database)

    def _of(self, packages: Iterable[Package]) -> Any:
        return self._rows().filter(pk__in=[package.place for package in packages])

    def _waiting(self) -> Any:
        start = len(self._start)
        return (
            self._rows()
            # Cut to pieces rather than compared as a whole, which databases do by rules of their language.
            .annotate(
                start=Substr("key", 1, start),
                rank=Substr("key", start + 1, RANK_DIGITS),
                queue=Substr("key", start + RANK_DIGITS + 2),
            )
            .filter(Q(lock=None) | Q(lock__lte=DatabaseNow()), start=self._start)
        )
