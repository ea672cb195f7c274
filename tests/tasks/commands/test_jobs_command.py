"""`manage.py jobs`: what it shows, what it does, and what it refuses."""

import io
import re

import pytest
from django.core.management import CommandError
from rich.console import Console

from taskyard.operating.search import Search
from taskyard.operating.terminal.job_pages import job_list
from taskyard.operating.terminal.watching import watch_jobs
from taskyard.states import JobState
from taskyard.testing import drain
from tests.example.tasks import nothing
from tests.tasks.jobs import FAILURE, FUTURE, PAST, add_job, fresh
from tests.tasks.operations.tasks import once

pytestmark = pytest.mark.django_db

UNKNOWN = "01a1fecd-8244-73c4-9e63-36a07df906b2"


def rows(text):
    """Return the table's rows, each a list of its cells."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[1:]]


# --- list ---


def test_jobs_are_listed_newest_first_with_what_is_to_be_said_of_each(manage):
    failed = add_job(JobState.FAILED)
    scheduled = add_job(delivered_at=None, deliveries=0, due_at=FUTURE)
    running = add_job(JobState.RUNNING, progress={"done": 3, "total": 10, "message": "importing"})

    text = manage("jobs", "list")

    assert [row[:2] for row in rows(text)] == [
        [str(running.pk), "running"],
        [str(scheduled.pk), "scheduled"],
        [str(failed.pk), "failed"],
    ]
    for word in ("3 of 10 importing", "starts in", "ValueError: no luck"):
        assert word in text


def test_a_row_is_a_line_where_no_terminal_cuts_it(manage):
    add_job(task=f"shop.{'deep.' * 20}tasks.send", queue="a-queue-with-quite-a-long-name")

    assert len(manage("jobs", "list").splitlines()) == 2


def test_a_narrow_terminal_shows_a_job_on_two_lines():
    job = add_job(JobState.FAILED, args=["x" * 200], attempt=2)
    output = io.StringIO()

    Console(file=output, width=80).print(job_list([job], 80))

    first, second = output.getvalue().splitlines()
    assert first.startswith(f"{job.pk} failed")
    assert first.endswith("2 tries")
    assert "tests.example.tasks.nothing" in second
    assert max(len(first), len(second)) <= 80


@pytest.mark.parametrize(
    "filters",
    [
        ["--task", "send"],
        ["--queue", "mail"],
        ["--state", "failed"],
        ["--state", "FAILED", "--state", "running"],
        ["--backend", "leased"],
        ["--worker", "cleo"],
        ["--arg", "order=42"],
        ["--since", "1h", "--arg", "order=42", "--queue", "mail"],
    ],
    ids=" ".join,
)
def test_filters_choose(manage_json, filters):
    from django.utils import timezone

    columns = {"task": "shop.tasks.send", "queue": "mail", "backend": "leased", "worker": "cleo"}
    job = add_job(JobState.FAILED, kwargs={"order": 42}, **{**columns, "enqueued_at": timezone.now()})
    add_job()

    assert [each["id"] for each in manage_json("jobs", "list", *filters)] == [str(job.pk)]


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        (["--state", "wild"], "'wild' is no state"),
        (["--since", "soon"], "'soon' is no time"),
        (["--arg", "order"], "'order' has no value; write order=42"),
        (["--before", "x"], "'x' is no job's id"),
        (["--limit", "0"], "give a whole number from 1"),
        (["--limit", "many"], "give a whole number from 1"),
    ],
)
def test_a_filter_that_cannot_be_read_says_why(manage, filters, why):
    with pytest.raises(CommandError, match=why):
        manage("jobs", "list", *filters)


def test_a_page_says_where_the_next_begins(manage, manage_json):
    jobs = [add_job() for _ in range(5)]

    text = manage("jobs", "list", "--limit", 2)

    assert f"For older ones: --before {jobs[3].pk}" in text
    older = manage_json("jobs", "list", "--before", jobs[3].pk)
    assert [each["id"] for each in older] == [str(job.pk) for job in reversed(jobs[:3])]


def test_where_there_are_none_it_says_so(manage, manage_json):
    assert manage("jobs", "list") == "No such jobs.\n"
    assert manage_json("jobs", "list") == []


def test_jobs_are_written_as_json_by_as_many_questions_whatever_their_number(
    manage_json, django_assert_num_queries
):
    for _ in range(3):
        add_job(JobState.SUCCESSFUL)

    with django_assert_num_queries(1):
        assert [each["return_value"] for each in manage_json("jobs", "list")] == [7, 7, 7]


# --- show ---


@pytest.mark.parametrize("state", JobState)
def test_a_job_in_any_state_is_shown(manage, manage_json, state):
    job = add_job(state, args=[1], kwargs={"lang": "de"}, attempts=[FAILURE], metadata={"user": "ada"})

    text = manage("jobs", "show", job.pk)

    for word in (
        str(job.pk),
        '(1, lang="de")',
        "Attempt 1 failed on ada",
        "ValueError: no luck",
        '"user": "ada"',
    ):
        assert word in text
    [shown] = manage_json("jobs", "show", job.pk)
    assert (shown["id"], shown["state"], shown["args"]) == (str(job.pk), state, [1])


def test_other_things_than_failures_have_their_place_in_the_history(manage):
    requeued = {"outcome": "requeued", "ended_at": PAST.isoformat()}
    snoozed = {"outcome": "snoozed", "times": 3, "until": "2026-01-05T09:00:00+00:00"}
    job = add_job(attempts=[FAILURE, requeued, snoozed])

    text = manage("jobs", "show", job.pk)

    assert "Made due again by an operator, 2026-01-05" in text
    assert "Put off by itself, 3 times, until 2026-01-05T09:00:00+00:00\n" in text


def test_what_a_job_holds_cannot_command_the_terminal(manage):
    job = add_job(JobState.FAILED, args=["\x1b[31m[bold]red"], attempts=[])

    text = manage("jobs", "show", job.pk) + manage("jobs", "list")

    assert "\x1b" not in text
    assert "[bold]red" in text


@pytest.mark.parametrize("text", [UNKNOWN, "nonsense"])
@pytest.mark.parametrize("action", ["show", "watch", "retry", "cancel", "run-now"])
def test_an_unknown_job_is_refused(manage, action, text):
    with pytest.raises(CommandError, match="There is no job"):
        manage("jobs", action, text)


# --- retry, cancel, run-now ---


def test_named_jobs_are_steered_without_a_question(manage):
    one, other = add_job(JobState.FAILED), add_job(JobState.FAILED)

    assert manage("jobs", "retry", one.pk) == "1 job due again.\n"
    assert (fresh(one).state, fresh(other).state) == ("READY", "FAILED")


def test_what_could_not_be_done_is_said_job_by_job(manage):
    done, refused = add_job(), add_job(JobState.SUCCESSFUL)

    with pytest.raises(CommandError, match=f"Not cancelled: {refused.pk} is successful."):
        manage("jobs", "cancel", done.pk, refused.pk)
    assert fresh(done).state == JobState.CANCELLED


def test_a_unique_conflict_explains_itself(manage):
    first = once.enqueue(7)
    drain()
    second = once.enqueue(7)

    with pytest.raises(CommandError, match=f"it is unique, and job {second.id} with the same key"):
        manage("jobs", "retry", first.id)
    left = manage("jobs", "retry", "--state", "successful", "--yes")
    assert "1 job had moved on, or another job has the same unique key." in left


def test_found_jobs_are_steered_once_that_is_agreed(manage):
    mail = [add_job(JobState.FAILED, queue="mail") for _ in range(3)]
    other = add_job(JobState.FAILED)

    assert manage("jobs", "retry", "--queue", "mail", "--dry-run") == "3 jobs would be due again.\n"
    assert {fresh(job).state for job in mail} == {"FAILED"}
    assert manage("jobs", "retry", "--queue", "mail", "--yes") == "3 jobs due again.\n"
    assert {fresh(job).state for job in mail} == {"READY"}
    assert fresh(other).state == JobState.FAILED


def test_nothing_is_done_in_bulk_that_nobody_agreed_to(manage, monkeypatch):
    job = add_job()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    with pytest.raises(CommandError, match="Cancel 1 job\\? Nobody is there to answer; say --yes"):
        manage("jobs", "cancel", "--queue", "default")
    assert fresh(job).state == JobState.READY


@pytest.fixture
def answer(monkeypatch):
    """Sit at a terminal and type this to the next question."""

    def at_terminal(text):
        stdin = io.StringIO(f"{text}\n")
        stdin.isatty = lambda: True
        monkeypatch.setattr("sys.stdin", stdin)

    return at_terminal


def test_somebody_at_a_terminal_is_asked_and_agrees(manage, answer):
    job = add_job()
    answer("y")

    assert manage("jobs", "cancel", "--queue", "default") == "1 job cancelled.\n"
    assert fresh(job).state == JobState.CANCELLED


@pytest.mark.parametrize("no", ["", "n", "yeah no"])
def test_somebody_at_a_terminal_does_not_agree(manage, answer, no):
    job = add_job()
    answer(no)

    with pytest.raises(CommandError, match="Nothing was done"):
        manage("jobs", "cancel", "--queue", "default")
    assert fresh(job).state == JobState.READY


def test_all_jobs_are_steered_only_where_one_says_so(manage):
    job = add_job()

    with pytest.raises(CommandError, match="Say which jobs: ids, filters, or --all"):
        manage("jobs", "cancel", "--yes")
    assert manage("jobs", "cancel", "--all", "--yes") == "1 job cancelled.\n"
    assert fresh(job).state == JobState.CANCELLED


def test_where_no_job_fits_nothing_is_asked(manage):
    assert manage("jobs", "retry", "--queue", "mail") == "0 jobs due again.\n"


def test_steering_tells_programs_how_many(manage_json):
    add_job(delivered_at=None, deliveries=0, due_at=FUTURE)

    assert manage_json("jobs", "run-now", "--state", "scheduled", "--dry-run") == [
        {"jobs": 1, "dry_run": True}
    ]
    assert manage_json("jobs", "run-now", "--state", "scheduled", "--yes") == [{"jobs": 1, "dry_run": False}]


# --- watch ---


def test_a_finished_job_is_watched_to_its_end_at_once(manage):
    good, bad = add_job(JobState.SUCCESSFUL), add_job(JobState.FAILED)

    assert "successful" in manage("jobs", "watch", good.pk)
    with pytest.raises(CommandError, match="The job did not succeed"):
        manage("jobs", "watch", bad.pk)


@pytest.mark.django_db(transaction=True)
def test_each_change_of_a_watched_job_is_told(manage, monkeypatch):
    job_id = nothing.enqueue().id
    monkeypatch.setattr("taskyard.operating.terminal.watching._pause", drain)

    lines = manage("jobs", "watch", job_id).splitlines()

    assert [line.split()[2] for line in lines] == ["waiting", "successful"]


@pytest.mark.django_db(transaction=True)
def test_watching_many_tells_changes_until_interrupted(monkeypatch):
    add_job(JobState.RUNNING)
    nothing.enqueue()
    looks = iter([drain, drain])

    def pause():
        try:
            next(looks)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("taskyard.operating.terminal.watching._pause", pause)
    output = io.StringIO()
    watch_jobs(Console(file=output, width=200), Search(), 20)

    assert [line.split()[2] for line in output.getvalue().splitlines()] == [
        "running",
        "waiting",
        "successful",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_terminal_shows_the_table_anew(monkeypatch):
    job = add_job(JobState.RUNNING, progress={"done": 1, "total": 4, "message": "importing"})

    def pause():
        raise KeyboardInterrupt

    monkeypatch.setattr("taskyard.operating.terminal.watching._pause", pause)
    output = io.StringIO()
    watch_jobs(Console(file=output, width=200, force_terminal=True), Search(), 20)

    assert str(job.pk) in output.getvalue()
    assert "1 of 4 importing" in output.getvalue()
