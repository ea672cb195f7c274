"""Whose a job is, and finding somebody's own among many."""

import pytest

from taskyard import enqueue_many, job_metadata
from taskyard.models import Job
from taskyard.operating.search import Search
from taskyard.ownership import LONGEST_OWNER, owner_key
from taskyard.testing import drain
from tests.example.tasks import nothing, pass_on
from tests.tasks.jobs import add_job

pytestmark = pytest.mark.django_db


def owners():
    return list(Job.objects.order_by("id").values_list("owner", flat=True))


def test_a_job_is_its_users():
    with job_metadata(user="7"):
        nothing.enqueue()
    with job_metadata(user=lambda: "8"):
        enqueue_many(nothing, [(), ()])
    nothing.enqueue()

    assert owners() == ["7", "8", "8", None]


def test_what_a_job_enqueues_is_its_users_too():
    with job_metadata(user="7"):
        pass_on.enqueue()

    drain()

    assert owners() == ["7", "7"]


@pytest.mark.parametrize("user", ["", {"id": 7}, ["7"]])
def test_what_is_no_key_owns_nothing(user):
    with job_metadata(user=user):
        nothing.enqueue()

    assert owners() == [None]


def test_a_number_and_a_long_key_are_kept_as_they_are_looked_for():
    long = "x" * (LONGEST_OWNER + 10)
    with job_metadata(user=7):
        nothing.enqueue()
    with job_metadata(user=long):
        nothing.enqueue()

    assert owners() == [owner_key(7), owner_key(long)]


def test_jobs_are_found_by_owner():
    mine = add_job(owner="7")
    add_job(owner="8")
    add_job()

    search = Search.parse("owner:7")

    assert [job.pk for job in search.page().jobs] == [mine.pk]
    assert Search.parse(str(search)) == search
    assert [job.pk for job in Search.parse("owner:7 state:waiting").page().jobs] == [mine.pk]
    assert Search.parse("owner:7 state:failed").page().jobs == []
