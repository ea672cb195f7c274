"""The list of jobs: found by words, split by state, paged both ways, and never by more than a few statements."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from taskyard.operating import search as search_module
from taskyard.states import JobState
from taskyard_monitoring.console import jobs_paging
from taskyard_monitoring.snapshot import forget
from tests.tasks.jobs import FUTURE, add_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_snapshot():
    """Let no test see another's counts."""
    forget()
    yield
    forget()


def listed(client, text="", **where):
    response = client.get(reverse("taskyard:jobs"), {"q": text, **where})
    assert response.status_code == 200
    return response


def ids(response):
    return [row.id for row in response.context["rows"]]


def words(response):
    return html.unescape(response.content.decode())


# --- who may see it ---


def test_who_is_not_signed_in_is_sent_to_do_so(db):
    response = Client().get(reverse("taskyard:jobs"))

    assert response.status_code == 302
    assert "login" in response["Location"]


@pytest.mark.parametrize("name", ["jobs", "jobs_complete", "jobs_first"])
def test_who_has_no_permission_is_told_which_one(signed_in, name):
    response = signed_in().get(reverse(f"taskyard:{name}"))

    assert response.status_code == 403
    assert "taskyard_monitoring.view_console" in words(response)


def test_who_may_only_look_is_offered_no_deeds(viewer):
    add_job(JobState.FAILED)

    page = words(listed(viewer))

    assert "nothing" in page
    assert 'name="job"' not in page
    assert "Retry…" not in page


# --- what it shows ---


def test_a_row_tells_what_an_operator_asks_first(operator):
    add_job(JobState.FAILED, args=[42], kwargs={"lang": "de"}, queue="mail", attempt=3)

    page = words(listed(operator))

    assert re.search(r'class="state bad">failed<', page)
    for text in ("nothing", '(42, lang="de")', "mail", ">3<", "ada", "ValueError: no luck"):
        assert text in page


def test_secrets_are_not_shown(operator):
    add_job(kwargs={"password": "opensesame"})

    assert "opensesame" not in words(listed(operator))


def test_what_is_ready_and_not_put_off_is_waiting(operator):
    add_job()
    add_job(delivered_at=None, deliveries=0, due_at=FUTURE)
    add_job(delivered_at=None, deliveries=0, due_at=FUTURE, attempt=1)

    assert [row.state for row in listed(operator).context["rows"]] == ["retrying", "scheduled", "waiting"]


def test_progress_is_drawn_and_said(operator):
    add_job(JobState.RUNNING, progress={"done": 3, "total": 4, "message": "counting"})

    page = words(listed(operator))

    assert 'value="75"' in page
    assert "3 of 4 counting" in page


def test_a_search_finds_and_stays_in_the_address(operator):
    wanted = add_job(JobState.FAILED, queue="mail", kwargs={"order": 42})
    add_job(JobState.FAILED, queue="mail", kwargs={"order": 43})
    add_job(JobState.FAILED, kwargs={"order": 42})

    response = listed(operator, "queue:mail args.order:42")

    assert ids(response) == [str(wanted.pk)]
    assert 'value="queue:mail args.order:42"' in words(response)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("staet:failed", "staet:failed"),
        ("state:faild", "faild"),
        ("queue:", "queue:"),
        ("since:soon", "soon"),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_field(operator, text, names):
    page = words(listed(operator, text))

    assert 'aria-invalid="true" aria-describedby="fault"' in page
    fault = re.search(r'id="fault"[^>]*>(.*?)</p>', page, re.DOTALL)[1]
    assert names in fault


def test_nothing_found_says_what_to_do(operator):
    assert "No job has been enqueued yet" in words(listed(operator))
    assert "No job fits" in words(listed(operator, "queue:none"))


# --- states ---


def test_tabs_count_the_whole_table_and_keep_the_other_words(operator):
    for _ in range(3):
        add_job(JobState.FAILED)
    add_job(JobState.RUNNING)

    tabs = {tab.state: tab for tab in listed(operator).context["tabs"]}
    assert [str(tabs[state].count) for state in ("failed", "running", "cancelled")] == ["3", "1", "0"]
    assert tabs[""].is_open

    narrowed = {tab.state: tab for tab in listed(operator, "queue:mail state:running").context["tabs"]}
    assert narrowed["failed"].url.endswith("?q=queue:mail+state:failed")
    assert narrowed["running"].is_open
    assert narrowed["failed"].count is None


@pytest.mark.parametrize(
    "state", ["waiting", "scheduled", "retrying", "running", "failed", "cancelled", "successful"]
)
def test_each_tab_shows_its_state_alone(operator, state):
    add_job()
    add_job(delivered_at=None, deliveries=0, due_at=FUTURE)
    add_job(delivered_at=None, deliveries=0, due_at=FUTURE, attempt=1)
    for each in (JobState.RUNNING, JobState.FAILED, JobState.CANCELLED, JobState.SUCCESSFUL):
        add_job(each)

    assert [row.state for row in listed(operator, f"state:{state}").context["rows"]] == [state]


# --- pages ---


@pytest.fixture
def few_a_page(monkeypatch):
    """Let a page hold two jobs."""
    monkeypatch.setattr(jobs_paging, "SIZE", 2)


def test_pages_lead_to_older_jobs_and_back(operator, few_a_page):
    jobs = [str(add_job(JobState.FAILED).pk) for _ in range(5)][::-1]

    first = listed(operator, "state:failed")
    second = operator.get(first.context["older_url"])
    third = operator.get(second.context["older_url"])
    back = operator.get(third.context["newer_url"])
    front = operator.get(back.context["newer_url"])

    assert [ids(page) for page in (first, second, third, back, front)] == [
        *(jobs[:2], jobs[2:4], jobs[4:]),
        *(jobs[2:4], jobs[:2]),
    ]
    assert first.context["newer_url"] is None
    assert third.context["older_url"] is None
    assert (
        front.context["newer_url"] is None
        or not operator.get(front.context["newer_url"]).context["newer_url"]
    )


def test_the_last_few_newer_jobs_come_on_a_full_first_page(operator, few_a_page):
    jobs = [str(add_job(JobState.FAILED).pk) for _ in range(3)][::-1]

    page = listed(operator, "state:failed", after=jobs[1])

    assert ids(page) == jobs[:2]
    assert page.context["newer_url"] is None
    assert ids(operator.get(page.context["older_url"])) == jobs[2:]


def test_a_page_that_ends_early_says_so_and_goes_on(operator, few_a_page, monkeypatch):
    monkeypatch.setattr(search_module, "WINDOW", 3)
    monkeypatch.setattr(jobs_paging, "WINDOW", 3)
    wanted = add_job(queue="mail")
    for _ in range(4):
        add_job(queue="default")

    first = listed(operator, "queue:mail")
    second = operator.get(first.context["older_url"])

    assert ids(first) == []
    assert "jobs were looked through for this page" in words(first)
    assert ids(second) == [str(wanted.pk)]
    newer = operator.get(second.context["newer_url"])
    assert ids(newer) == []


def test_the_first_page_tells_its_ids_for_older_views_of_it(viewer):
    older, newer = add_job(JobState.FAILED), add_job(JobState.FAILED)
    add_job()

    answer = viewer.get(reverse("taskyard:jobs_first"), {"q": "state:failed"}).json()

    assert answer["ids"] == [str(newer.pk), str(older.pk)]
    assert [answer["counts"][state] for state in ("failed", "waiting", "running")] == ["2", "1", "0"]


def test_a_view_that_no_stream_reaches_asks_what_has_become_of_its_rows(viewer):
    running = add_job(JobState.RUNNING, progress={"done": 1, "total": 4})
    add_job()

    shown = f"{running.pk},nonsense"
    [news] = viewer.get(reverse("taskyard:jobs_first"), {"shown": shown}).json()["news"]

    assert [news[name] for name in ("id", "state", "percent", "note", "is_finished")] == [
        *(str(running.pk), "running", 25, "1 of 4", False)
    ]


@pytest.mark.parametrize("where", [{"before": "nonsense"}, {"after": "nonsense"}, {"before": ""}])
def test_a_place_that_is_none_is_the_first_page(operator, where):
    job = add_job()

    assert ids(listed(operator, **where)) == [str(job.pk)]


# --- cost ---


def test_many_rows_cost_no_more_statements_than_one(operator):
    def statements():
        forget()
        with CaptureQueriesContext(connection) as queries:
            listed(operator, "since:1h")
        return len(queries)

    add_job(JobState.FAILED, enqueued_at=timezone.now())
    statements()
    one = statements()
    for state in JobState:
        for number in range(12):
            add_job(state, enqueued_at=timezone.now() - timedelta(seconds=number), queue=f"q{number}")

    assert statements() == one
    assert one <= 12


def test_a_page_reads_no_return_values(operator):
    add_job(JobState.SUCCESSFUL, return_value="very long")

    with CaptureQueriesContext(connection) as queries:
        listed(operator)

    [statement] = [each["sql"] for each in queries if f"LIMIT {jobs_paging.SIZE + 1}" in each["sql"]]
    assert "kwargs" in statement
    assert "return_value" not in statement
