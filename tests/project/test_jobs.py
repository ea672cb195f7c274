"""Whose jobs one sees, and which one may call off."""

from datetime import date

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from shop.models import ImportRun
from shop.requests import request_roll_up
from taskyard import TaskResultStatus, get_result, job_metadata
from taskyard.models import Job

from .conftest import GOOD, HEADER

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(db) -> Client:
    """A colleague's browser."""
    client = Client()
    client.force_login(User.objects.create_user("olga", is_staff=True))
    return client


@pytest.fixture
def run(staff_client: Client) -> ImportRun:
    """An import that waits for its worker."""
    staff_client.post("/upload/", {"file": ContentFile(f"{HEADER}\n{GOOD}\n".encode(), name="orders.csv")})
    return ImportRun.objects.get()


def test_one_sees_ones_own_jobs_alone(staff_client: Client, olga: Client, run: ImportRun):
    mine, hers = (client.get("/jobs/").content.decode() for client in (staff_client, olga))

    assert "Import orders" in mine
    assert reverse("job", args=[run.job_id]) in mine
    assert "You have asked for nothing yet." in hers


def test_the_list_goes_on_where_a_page_ends(staff_client: Client, staff: User, import_text):
    with job_metadata(user=str(staff.pk)):
        request_roll_up([date(2025, 12, 1)] * 30)

    first = staff_client.get("/jobs/")
    second = staff_client.get("/jobs/", {"before": first.context["older"]})

    shown = [job.pk for page in (first, second) for job in page.context["jobs"]]
    assert [len(page.context["jobs"]) for page in (first, second)] == [25, 5]
    assert shown == list(Job.objects.order_by("-pk").values_list("pk", flat=True))
    assert second.context["older"] is None


def test_a_place_that_is_none_is_the_beginning(staff_client: Client, run: ImportRun):
    assert "Import orders" in staff_client.get("/jobs/?before=nonsense").content.decode()


def test_somebody_elses_job_is_an_unknown_one(olga: Client, run: ImportRun):
    response = olga.get(reverse("job", args=[run.job_id]))
    unknown = olga.get(reverse("job", args=["01999999-0000-7000-8000-000000000000"]))

    assert response.status_code == unknown.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_who_may_see_the_console_sees_any_job(olga: Client, run: ImportRun):
    User.objects.get(username="olga").user_permissions.add(Permission.objects.get(codename="view_console"))

    page = olga.get(reverse("job", args=[run.job_id])).content.decode()

    assert "Import orders" in page
    assert "Call it off" not in page, "it is not hers"


def test_one_calls_off_ones_own_job(staff_client: Client, run: ImportRun):
    address = reverse("cancel-job", args=[run.job_id])

    first = staff_client.post(address, follow=True).content.decode()
    second = staff_client.post(address, follow=True).content.decode()

    assert "The job is called off." in first
    assert "had finished already" in second
    assert get_result(run.job_id).status == TaskResultStatus.FAILED


@pytest.mark.parametrize("sees_console", [False, True])
def test_nobody_calls_off_somebody_elses_job(olga: Client, run: ImportRun, sees_console: bool):
    if sees_console:
        permission = Permission.objects.get(codename="view_console")
        User.objects.get(username="olga").user_permissions.add(permission)

    assert olga.post(reverse("cancel-job", args=[run.job_id])).status_code == 404
    assert get_result(run.job_id).status == TaskResultStatus.READY


def test_a_job_is_not_called_off_by_following_a_link(staff_client: Client, run: ImportRun):
    assert staff_client.get(reverse("cancel-job", args=[run.job_id])).status_code == 405
