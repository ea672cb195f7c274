"""Tags: from the policy and the metadata onto the job, and from there into searches and pages."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse

from taskyard import aenqueue_many, enqueue_many, get_result, job_metadata, policy, retry
from taskyard.models import Job
from taskyard.operating import search as search_module
from taskyard.operating.search import Search
from taskyard.operating.words import BadSearch
from taskyard.schedules.control import run_now
from taskyard.states import JobState
from taskyard.testing import drain
from tests.example.tasks import bill, bill_and_remind, nothing, tell_metadata
from tests.tasks.jobs import add_job
from tests.tasks.schedules.rows import add_schedule

pytestmark = pytest.mark.django_db


def tags():
    """Return the tags of each job, oldest first."""
    return [job.metadata.get("tags") for job in Job.objects.order_by("pk")]


# --- onto the job ---


def test_a_job_has_those_of_its_policy_and_of_the_metadata_once_each():
    nothing.enqueue()
    bill.enqueue()
    with job_metadata(tags=["eu", "vip"]):
        nothing.enqueue()
        bill.enqueue()
        with job_metadata(tags=("night",), user=7):
            bill.enqueue()
        with job_metadata(tags=None):
            bill.enqueue()

    assert tags() == [
        None,
        ["billing", "eu"],
        ["eu", "vip"],
        ["billing", "eu", "vip"],
        ["billing", "eu", "vip", "night"],
        ["billing", "eu"],
    ]
    assert Job.objects.filter(metadata__user=7).count() == 1


def test_functions_are_asked_when_a_job_is_enqueued():
    asked = []

    def find():
        asked.append(True)
        return ["vip"]

    with job_metadata(tags=find), job_metadata(tags=["eu"]):
        assert asked == []
        nothing.enqueue()

    assert tags() == [["vip", "eu"]]
    assert asked == [True]


@pytest.mark.parametrize("many", [enqueue_many, async_to_sync(aenqueue_many)], ids=["sync", "async"])
def test_many_jobs_have_them_each(many):
    with job_metadata(tags=["vip"]):
        many(bill, [(), ()])

    assert tags() == [["billing", "eu", "vip"]] * 2


def test_what_a_job_enqueues_carries_its_tags_on():
    bill_and_remind.enqueue()

    drain()

    assert tags() == [["billing", "urgent"], ["billing", "urgent", "reminder"]]


def test_a_job_and_its_result_tell_them():
    with job_metadata(tags=["vip"]):
        result = tell_metadata.enqueue()
    drain()

    result.refresh()
    assert result.metadata["tags"] == ["vip"]
    assert "vip" in str(result.return_value)


def test_a_retried_job_and_one_of_a_schedule_keep_them():
    with job_metadata(tags=["vip"]):
        result = bill.enqueue()
    schedule = add_schedule(task=bill.module_path, args=[])
    drain()
    run_now(schedule.name)
    assert retry(get_result(result.id))

    assert sorted(map(sorted, tags())) == [["billing", "eu"], ["billing", "eu", "vip"]]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("billing", TypeError, r"tags='billing': give a list or tuple of short texts"),
        (7, TypeError, "give a list or tuple"),
        ([7], TypeError, "The tag 7 is a int"),
        ([""], ValueError, "give 1 to 50 characters"),
        (["x" * 51], ValueError, "give 1 to 50 characters"),
        ([" eu"], ValueError, "no space around"),
        (["a\nb"], ValueError, "that can be seen"),
        (["a\x00b"], ValueError, "that can be seen"),
    ],
    ids=repr,
)
def test_what_is_no_tag_is_refused_at_once(given, error, words):
    with pytest.raises(error, match=rf"@policy\(tags=…\): .*{words}"):
        policy(tags=given)
    with pytest.raises(error, match=words), job_metadata(tags=given):
        raise AssertionError
    with job_metadata(tags=lambda: given), pytest.raises(error, match=words):
        nothing.enqueue()


def test_what_other_hands_put_in_their_place_does_no_harm(manage):
    for junk in ("billing", {"a": 1}, [1, None, "x"], 7, []):
        job = add_job(metadata={"tags": junk})
        assert str(job.pk) in manage("jobs", "show", job.pk)

    assert {job.metadata["tags"][-1] for job in Search.parse("tag:x").jobs()} == {"x"}
    drain()
    assert {job.state for job in Job.objects.all()} == {JobState.SUCCESSFUL}


# --- looked for ---


@pytest.fixture
def tagged():
    """Jobs with and without tags, by name."""
    return {
        "none": add_job(),
        "eu": add_job(metadata={"tags": ["eu"]}),
        "both": add_job(JobState.FAILED, metadata={"tags": ["billing", "eu"], "user": 7}),
        "odd": add_job(metadata={"tags": ['it\'s 100 % "Zoë" \\ _']}),
        "other": add_job(metadata={"other": ["eu"], "user": "eu"}),
        "nested": add_job(metadata={"other": {"tags": ["eu"]}}),
    }


@pytest.mark.parametrize(
    ("search", "names"),
    [
        (Search(tags=("eu",)), ["eu", "both"]),
        (Search(tags=("eu", "billing")), ["both"]),
        (Search(tags=('it\'s 100 % "Zoë" \\ _',)), ["odd"]),
        (Search(tags=("e",)), []),
        (Search(tags=("EU",)), []),
        (Search.parse("tag:eu state:ready"), ["eu"]),
        (Search.parse("tag:eu args.order:7"), []),
    ],
    ids=str,
)
def test_jobs_are_found_by_their_tags(tagged, search, names):
    assert {job.pk for job in search.jobs()} == {tagged[name].pk for name in names}


def test_they_are_looked_for_among_the_newest(monkeypatch, tagged):
    monkeypatch.setattr(search_module, "WINDOW", 3)

    first = Search.parse("tag:eu").page()
    assert (first.jobs, first.is_end_of_window) == ([], True)
    second = Search.parse("tag:eu").page(before=first.go_on_before)
    assert {job.pk for job in second.jobs} == {tagged["both"].pk, tagged["eu"].pk}


def test_what_can_be_no_tag_is_refused():
    with pytest.raises(BadSearch, match="give 1 to 50 characters"):
        Search.parse(f"tag:{'x' * 51}")


def test_the_command_line_finds_and_shows_them(tagged, manage, manage_json):
    found = manage_json("jobs", "list", "--tag", "eu", "--tag", "billing")

    assert [(each["id"], each["metadata"]["tags"]) for each in found] == [
        (str(tagged["both"].pk), ["billing", "eu"])
    ]
    shown = manage("jobs", "show", tagged["both"].pk)
    assert "billing, eu" in shown
    assert '{"user": 7}' in shown, "the rest of the metadata"
    assert manage("jobs", "cancel", "--tag", "eu", "--yes") == "1 job cancelled.\n"
    with pytest.raises(CommandError, match="give 1 to 50 characters"):
        manage("jobs", "list", "--tag", "")


def test_the_admin_finds_and_shows_them(tagged):
    client = Client()
    client.force_login(User.objects.create_superuser("eve"))

    listing = client.get(reverse("admin:taskyard_job_changelist"), {"q": "tag:eu"})
    assert {job.pk for job in listing.context["cl"].result_list} == {tagged["eu"].pk, tagged["both"].pk}
    page = client.get(reverse("admin:taskyard_job_change", args=[tagged["both"].pk])).content.decode()
    assert "billing, eu" in page


# --- as words again ---


@pytest.mark.parametrize(
    "words",
    [
        "tag:eu tag:'needs review'",
        "task:send queue:mail queue:'odd queue' state:failed backend:leased worker:ada",
        "args.order:42 args.name:Zoë args.text:'\"42\"' args.customer.id:7 args.list:'[1, 2]' args.on:true",
        "args.quote:'it'\"'\"'s' args.nan:NaN args.empty:'\"\"'",
        "01a1fecd-8244-73c4-9e63-36a07df906b2",
        "since:2026-01-31T14:30",
        "state:scheduled",
    ],
)
def test_a_search_in_words_is_the_same_search(words):
    search = Search.parse(words)

    assert Search.parse(str(search)) == search


def test_a_search_for_everything_says_so():
    assert str(Search()) == "all jobs"
