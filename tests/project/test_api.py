"""What the shop lets people do by the HTTP API."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from shop import tasks
from taskyard.models import Job

pytestmark = pytest.mark.django_db


def enqueue(client: Client, task: str, **arguments: str):
    wanted = {"task": f"shop.tasks.{task}", "arguments": arguments}
    return client.post("/api/jobs/", wanted, content_type="application/json")


def test_a_day_is_added_up_by_whoever_may(staff_client: Client, staff: User):
    refused = enqueue(staff_client, "roll_up_day", iso_date="2025-12-24")
    staff.user_permissions.add(Permission.objects.get(codename="change_dailyrevenue"))
    taken = enqueue(staff_client, "roll_up_day", iso_date="2025-12-24")

    assert (refused.status_code, taken.status_code) == (403, 201)
    job = Job.objects.get()
    assert (job.task, job.owner) == (tasks.roll_up_day.module_path, str(staff.pk))
    assert "Roll up day" in staff_client.get("/jobs/").content.decode()


def test_other_tasks_are_nobodys_business(admin_client: Client):
    assert enqueue(admin_client, "send_receipt", receipt_id="1").status_code == 422
    assert not Job.objects.exists()
