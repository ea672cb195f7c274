"""Looking for jobs: by words, by arguments wherever they stand, and how far one page looks."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from taskyard.ids import earliest_job_id, new_job_id
from taskyard.operating import search as search_module
from taskyard.operating.arguments import read_argument
from taskyard.operating.search import Search
from taskyard.operating.words import BadSearch, read_age, read_since
from taskyard.states import JobState
from tests.example.tasks import add, succeed_at
from tests.tasks.jobs import FUTURE, add_job

pytestmark = pytest.mark.django_db


def found(words):
    return {job.pk for job in Search.parse(words).jobs()}


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ({"order": 42}, "42"),
        ({"order": "42"}, "42"),
        ({"order": "42"}, "'\"42\"'"),
        ({"order": True}, "true"),
        ({"order": None}, "null"),
        ({"order": 1.5}, "1.5"),
        ({"order": "Zoë Noël"}, "'Zoë Noël'"),
        ({"order": "O'Neil % _"}, '"O\'Neil % _"'),
        ({"order": [1, 2]}, "'[1, 2]'"),
        ({"order": "NaN"}, "NaN"),
        ({"order": 12345678901234567890123}, "12345678901234567890123"),
    ],
    ids=str,
)
def test_an_argument_is_found_by_its_name(stored, wanted):
    job = add_job(kwargs=stored)
    add_job(kwargs={"order": 43})
    add_job(kwargs={"other": stored["order"]})
    add_job(args=[stored["order"]])

    assert found(f"args.order:{wanted}") == {job.pk}


def test_a_number_in_quotes_is_a_text():
    number, text = add_job(kwargs={"order": 42}), add_job(kwargs={"order": "42"})

    assert found("args.order:42") == {number.pk, text.pk}
    if connection.vendor != "mysql":  # where Django compares the two unquoted
        assert found("args.order:'\"42\"'") == {text.pk}


def test_an_argument_is_found_by_its_place():
    job = add_job(args=[7, 42])
    add_job(args=[42, 7])

    assert found("args.1:42") == {job.pk}


def test_an_argument_is_found_by_a_path_into_it():
    job = add_job(kwargs={"customer": {"id": 7, "tags": ["new"]}})
    add_job(kwargs={"customer": {"id": 8, "tags": []}})

    assert found("args.customer.id:7") == {job.pk}
    assert found("args.customer.tags.0:new") == {job.pk}


def test_a_named_argument_is_found_where_it_was_given_by_position():
    first, second = add.enqueue(1, 2), add.enqueue(2, b=1)
    add_job(args=[1, 2])  # of a task that has no parameter of that name

    assert found("args.a:1") == {UUID(first.id)}
    assert found("args.b:1") == {UUID(second.id)}
    assert found("args.a:1 task:add") == {UUID(first.id)}
    assert found("args.a:1 task:nothing") == set()


def test_the_context_of_a_task_is_no_argument():
    result = succeed_at.enqueue(5)

    assert found("args.attempt:5") == {UUID(result.id)}


@pytest.mark.parametrize(
    "name", ["contains", "isnull", "exact", "in", "has_key", "a__b", "a b", "ö", "'", "a%b"]
)
def test_an_argument_may_have_any_name(name):
    job = add_job(kwargs={name: 1})
    add_job(kwargs={"other": 1})

    argument = read_argument(name, "1")
    assert {each.pk for each in Search(arguments=(argument,)).jobs()} == {job.pk}


@pytest.mark.parametrize("text", ["1e999", "-Infinity", "[" * 40 + "]" * 40, "[" * 5000, '\\"\\\\u0000\\"'])
def test_what_no_column_could_hold_is_looked_for_as_a_text(text):
    add_job(kwargs={"order": 1})

    assert found(f"args.order:{text}") == set()


def test_two_arguments_must_both_fit():
    job = add_job(kwargs={"a": 1, "b": 2})
    add_job(kwargs={"a": 1, "b": 3})

    assert found("args.a:1 args.b:2") == {job.pk}


@pytest.mark.parametrize("state", JobState)
def test_jobs_are_found_by_state(state):
    jobs = {each: add_job(each) for each in JobState}

    assert found(f"state:{state.lower()}") == {jobs[state].pk}


def test_scheduled_and_retrying_jobs_are_found_by_these_words():
    waits = {"delivered_at": None, "deliveries": 0, "due_at": FUTURE}
    scheduled, retrying = add_job(**waits), add_job(**waits, attempt=1)
    ready = add_job()

    assert found("state:scheduled") == {scheduled.pk}
    assert found("state:retrying") == {retrying.pk}
    assert found("state:ready") == {scheduled.pk, retrying.pk, ready.pk}
    assert found("state:scheduled state:retrying") == {scheduled.pk, retrying.pk}


def test_a_task_is_found_by_its_path_or_the_end_of_it():
    job = add_job(task="shop.tasks.send_receipt")
    add_job(task="shop.tasks.resend_receipt")

    for word in ("shop.tasks.send_receipt", "send_receipt", "tasks.send_receipt", "task:send_receipt"):
        assert found(word) == {job.pk}
    assert found("receipt") == set()


def test_values_of_one_qualifier_add_up_and_qualifiers_narrow():
    mail, reports = add_job(queue="mail"), add_job(JobState.FAILED, queue="reports")
    add_job()

    assert found("queue:mail queue:reports") == {mail.pk, reports.pk}
    assert found("queue:mail queue:reports state:failed") == {reports.pk}


def test_jobs_are_found_by_when_they_were_enqueued():
    now = timezone.now()
    job = add_job(enqueued_at=now - timedelta(minutes=30))
    add_job(enqueued_at=now - timedelta(hours=2))

    assert found("since:1h") == {job.pk}


def test_a_job_whose_maker_had_a_slow_clock_is_found_all_the_same():
    long_ago = earliest_job_id(timezone.now() - timedelta(minutes=110))
    job = add_job(id=long_ago, enqueued_at=timezone.now())

    assert found("since:1h") == {job.pk}


def test_ids_ascend_with_time():
    before = timezone.now() - timedelta(milliseconds=2)

    assert earliest_job_id(before) < new_job_id() < earliest_job_id(timezone.now() + timedelta(seconds=1))


@pytest.mark.parametrize("text", ["90s", "30m", "2h", "7d", "4w"])
def test_ages_are_read(text):
    assert read_age(text) > timedelta(0)


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T14:30", "2026-01-31 14:30:00+02:00", "2h"])
def test_times_are_read(text):
    assert timezone.is_aware(read_since(text))


def test_times_are_naive_on_a_site_without_time_zones(settings):
    settings.USE_TZ = False

    assert read_since("2026-01-31T14:30") == datetime(2026, 1, 31, 14, 30)
    assert timezone.is_naive(read_since("2026-01-31T14:30:00+02:00"))
    assert timezone.is_naive(read_since("2h"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("state:wild", "'wild' is no state; those are ready, running"),
        ("since:yesterday", "'yesterday' is no time"),
        ("since:2026-02-31", "'2026-02-31' is no time"),
        ("since:99999999999999d", "is no time"),
        ("colour:red", "unknown qualifier"),
        ("queue:", "a value is missing"),
        ("args.:1", "names no argument"),
        ("'open", "quotation mark"),
        ("args.99999999999:1", "no such place"),
        ("args.customer.99999999999:1", "no such place"),
        ("args.name:\ud800", "half of a character"),
        ("args.name:" + "x" * 70_000, "over the limit"),
    ],
)
def test_what_cannot_be_read_is_said(words, why):
    with pytest.raises(BadSearch, match=why):
        Search.parse(words)


def test_no_words_find_everything_newest_first():
    jobs = [add_job() for _ in range(3)]

    assert Search.parse("").is_empty
    assert [job.pk for job in Search.parse("").jobs()] == [job.pk for job in reversed(jobs)]


def pages(search, size):
    """Walk through all pages; return the jobs and how many pages it took."""
    jobs, before, count = [], None, 0
    while True:
        page = search.page(before=before, size=size)
        jobs += page.jobs
        before, count = page.go_on_before, count + 1
        if before is None:
            return jobs, count


@pytest.mark.parametrize(
    "words", ["", "state:ready", "queue:default", "args.order:42", "state:failed queue:mail"]
)
@pytest.mark.parametrize("window", [1, 4, 100])
def test_pages_lead_through_all_that_is_wanted_and_nothing_twice(monkeypatch, words, window):
    monkeypatch.setattr(search_module, "WINDOW", window)
    for number in range(12):
        state = JobState.FAILED if number % 3 else JobState.READY
        add_job(state, queue=["default", "mail"][number % 2], kwargs={"order": [42, 43][number % 2]})

    jobs, _ = pages(Search.parse(words), size=5)

    assert jobs == list(Search.parse(words).jobs())


def test_a_page_looks_no_further_than_its_window(monkeypatch):
    monkeypatch.setattr(search_module, "WINDOW", 3)
    old = add_job(queue="mail")
    for _ in range(3):
        add_job()

    page = Search.parse("queue:mail").page()

    assert (page.jobs, page.is_end_of_window) == ([], True)
    assert Search.parse("queue:mail").page(before=page.go_on_before).jobs == [old]


@pytest.mark.parametrize("words", ["", *(f"state:{state}" for state in JobState.values)])
def test_where_an_index_leads_there_is_no_window(monkeypatch, words):
    monkeypatch.setattr(search_module, "WINDOW", 1)
    add_job(), add_job()

    assert Search.parse(words).end_of_window() is None
