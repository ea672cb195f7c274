"""Entries of what operators did: what is written, in which transaction, and how pages of them are read."""

import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.database import database_time
from taskyard.exceptions import NotMigrated
from taskyard.models import AuditEntry
from taskyard.operating import audit
from taskyard.operating.audit import ADMIN, COMMAND_LINE, Operator, entries, recorded_after, recorded_with
from taskyard.pauses import pause_queue, paused_queues

pytestmark = pytest.mark.django_db

ADA = Operator("ada", ADMIN, "the provider is down")


def record(number=1, **said):
    """Write so many entries and return the latest."""
    for _ in range(number):
        audit.record(
            **{"user": "ada", "source": ADMIN, "action": "cancel", "subject": "a job", "count": 1} | said
        )
    return AuditEntry.objects.order_by("pk").last()


# --- writing ---


def test_an_entry_says_who_did_what_with_what_and_why():
    before = database_time(connection)

    record(user="bob", source=COMMAND_LINE, subject="state:failed", count=312, reason="after the outage")

    [entry] = AuditEntry.objects.all()
    assert (entry.user, entry.source, entry.action) == ("bob", "command line", "cancel")
    assert (entry.subject, entry.count, entry.reason) == ("state:failed", 312, "after the outage")
    assert before <= entry.at <= database_time(connection)


def test_what_changed_nothing_is_not_recorded():
    record(count=0)

    assert not AuditEntry.objects.exists()


def test_names_and_words_of_any_kind_are_taken():
    entry = record(user="ä" * 200, action="x" * 60, subject="a\x00b\ud800", reason="\x00")

    entry.refresh_from_db()
    assert (entry.user, entry.action) == ("ä" * 150, "x" * 40)
    assert entry.subject.startswith("a\\x00b")


def test_an_action_and_its_entry_are_there_together():
    with recorded_with(ADA, "pause", "queue mail") as tally:
        tally.add(pause_queue("mail"))

    [entry] = AuditEntry.objects.all()
    assert (entry.user, entry.subject, entry.reason) == ("ada", "queue mail", "the provider is down")
    assert "mail" in paused_queues()


@pytest.mark.django_db(transaction=True)
def test_without_its_entry_the_action_is_not_done(entries_refused):
    with pytest.raises(NotMigrated), recorded_with(ADA, "pause", "queue mail") as tally:
        tally.add(pause_queue("mail"))

    assert "mail" not in paused_queues()


def test_what_broke_off_is_recorded_as_far_as_it_got():
    with pytest.raises(KeyboardInterrupt), recorded_after(ADA, "cancel", "state:ready") as tally:
        tally.add(500)
        tally.add(20)
        raise KeyboardInterrupt

    assert AuditEntry.objects.get().count == 520


@pytest.mark.django_db(transaction=True)
def test_what_is_done_stays_done_where_the_entry_is_refused(entries_refused, caplog):
    with caplog.at_level(logging.ERROR), recorded_after(ADA, "pause", "queue mail") as tally:
        tally.add(pause_queue("mail"))

    assert "mail" in paused_queues()
    assert "what ada did (admin): pause queue mail, 1 in all. the provider is down" in caplog.text


@pytest.fixture
def entries_refused(transactional_db):
    """Take the table of entries away for a while."""
    table = AuditEntry._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(AuditEntry, table, f"{table}_away")
    yield
    with connection.schema_editor() as editor:
        editor.alter_db_table(AuditEntry, f"{table}_away", table)


# --- reading ---


def test_pages_are_newest_first_and_lead_to_the_next():
    made = [record(subject=f"job {number}").pk for number in range(5)]

    first = entries(size=2)
    second = entries(size=2, before=first.go_on_before)
    last = entries(size=2, before=second.go_on_before)

    pages = [[entry.pk for entry in page.entries] for page in (first, second, last)]
    assert pages == [made[:2:-1], made[2:0:-1], made[:1]]
    assert last.go_on_before is None


@pytest.mark.parametrize(
    "wanted",
    [
        {"user": "bob"},
        {"action": "pause"},
        {"text": "QUEUE mail"},
        {"text": "outage"},
        {"user": "bob", "action": "pause", "text": "mail"},
    ],
)
def test_entries_are_found_by_who_what_and_text(wanted):
    record(2)
    bobs = record(user="bob", action="pause", subject="queue mail", reason="The Outage")
    record()

    assert [entry.pk for entry in entries(**wanted).entries] == [bobs.pk]


def test_a_page_looks_through_so_many_entries_and_says_where_to_go_on(monkeypatch):
    monkeypatch.setattr(audit, "WINDOW", 3)
    oldest = record(user="bob")
    record(4)

    first = entries(user="bob")
    assert (first.entries, first.is_end_of_window) == ([], True)

    second = entries(user="bob", before=first.go_on_before)
    assert [entry.pk for entry in second.entries] == [oldest.pk]
    assert second.go_on_before is None


@pytest.mark.parametrize("wanted", [{}, {"user": "bob"}, {"text": "outage"}], ids=str)
def test_a_page_costs_no_more_where_there_are_many(wanted, monkeypatch):
    if connection.vendor not in {"postgresql", "sqlite"}:
        pytest.skip("MySQL's plans are not read")
    monkeypatch.setattr(audit, "WINDOW", 100)
    template = record()
    AuditEntry.objects.bulk_create(
        AuditEntry(**{name: getattr(template, name) for name in ("at", "user", "subject", "count")})
        for _ in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {AuditEntry._meta.db_table}")
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"

    with CaptureQueriesContext(connection) as queries:
        entries(**wanted)

    for query in list(queries):
        with connection.cursor() as cursor:
            cursor.execute(f"{explain} {query['sql']}")
            plan = str(cursor.fetchall())
        assert "Seq Scan" not in plan
        assert "TEMP B-TREE" not in plan, "sorted"
