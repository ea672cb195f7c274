"""Who may call the API: by token, by session, and nobody else."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from taskyard.models import Job
from taskyard_monitoring.api import tokens
from taskyard_monitoring.models import ApiToken
from tests.monitoring.api.conftest import problem
from tests.tasks.jobs import add_job

pytestmark = pytest.mark.django_db

ENQUEUE = {"task": "tests.example.exposed.build_report", "arguments": {"report_id": 7}}

READ = ("jobs/", "tasks/", "queues/", "schedules/", "workers/", "openapi.json")
DONE = ("jobs/", "queues/mail/pause", "schedules/x/run", "jobs/01890a5d-ac96-774b-bcce-b302099a8057/cancel")


def post(client, path="jobs/", data=ENQUEUE, **options):
    """Send JSON."""
    return client.post(f"/api/{path}", data, content_type="application/json", **options)


class TestNobody:
    @pytest.mark.parametrize("path", READ)
    def test_reads_nothing(self, path):
        answer = Client().get(f"/api/{path}")

        problem(answer, 401, "not-signed-in")
        assert answer["WWW-Authenticate"] == 'Bearer realm="taskyard"'

    @pytest.mark.parametrize("path", DONE)
    def test_does_nothing(self, path):
        problem(post(Client(), path), 401, "not-signed-in")

    def test_is_not_told_what_is_there(self):
        job = add_job()

        known, unknown = (Client().get(f"/api/jobs/{each}") for each in (job.pk, "nonsense"))

        assert known.status_code == unknown.status_code == 401


class TestTokens:
    @pytest.mark.parametrize(
        "header",
        [
            "Bearer",
            "Bearer ",
            "Bearer ty_wrong",
            "bearer  x y",
            "Bearer \x7f",
            "Bearer é",
            "Bearer " + "x" * 9000,
        ],
    )
    def test_a_wrong_one_is_refused(self, header):
        answer = Client().get("/api/jobs/", headers={"Authorization": header})

        problem(answer, 401, "not-signed-in")
        assert 'error="invalid_token"' in answer["WWW-Authenticate"]

    def test_a_wrong_one_is_refused_also_within_a_session(self, ada):
        client = Client()
        client.force_login(ada.user)

        assert client.get("/api/jobs/", headers={"Authorization": "Bearer no"}).status_code == 401
        # A proxy's own password is none of our business.
        assert client.get("/api/jobs/", headers={"Authorization": "Basic YTpi"}).status_code == 200

    def test_it_needs_no_csrf_token(self, ada):
        client = Client(enforce_csrf_checks=True, headers=ada.headers)

        assert post(client).status_code == 201
        assert Job.objects.get().owner == ada.owner

    def test_it_goes_before_a_session(self, ada, bob):
        client = Client(headers=ada.headers)
        client.force_login(bob.user)

        post(client)

        assert Job.objects.get().owner == ada.owner

    def test_the_database_has_its_digest_alone(self, ada):
        [row] = ApiToken.objects.values()

        assert ada.text not in str(row)
        assert ada.text.startswith(row["prefix"])
        assert len(ada.text) - len(row["prefix"]) > 32

    def test_a_revoked_one_is_no_good(self, ada):
        assert tokens.revoke(ApiToken.objects.all()) == 1
        assert tokens.revoke(ApiToken.objects.all()) == 0

        problem(ada.get("jobs/"), 401, "not-signed-in")

    def test_an_expired_one_is_no_good(self, ada):
        ApiToken.objects.update(expires_at=timezone.now() + timedelta(hours=1))
        assert ada.get("jobs/").status_code == 200

        ApiToken.objects.update(expires_at=timezone.now())
        problem(ada.get("jobs/"), 401, "not-signed-in")

    def test_an_inactive_users_one_is_no_good(self, ada):
        User.objects.update(is_active=False)

        problem(ada.get("jobs/"), 401, "not-signed-in")

    def test_its_use_is_noted_at_most_once_a_minute(self, ada):
        def writes():
            with CaptureQueriesContext(connection) as queries:
                ada.get("jobs/")
            return [each["sql"] for each in queries if each["sql"].startswith("UPDATE")]

        assert len(writes()) == 1
        assert writes() == []
        noted = ApiToken.objects.get().last_used_at
        assert noted is not None

        ApiToken.objects.update(last_used_at=noted - timedelta(minutes=1))
        assert len(writes()) == 1


class TestSessions:
    @pytest.fixture
    def session(self, ada):
        client = Client(enforce_csrf_checks=True)
        client.force_login(ada.user)
        return client

    def test_it_reads(self, session):
        assert session.get("/api/jobs/").status_code == 200

    @pytest.mark.parametrize("path", DONE)
    def test_it_does_nothing_without_the_csrf_token(self, session, path):
        told = problem(post(session, path), 403, "not-permitted")

        assert "X-CSRFToken" in told["detail"]
        assert not Job.objects.exists()

    def test_it_enqueues_with_the_csrf_token(self, session, ada):
        session.cookies["csrftoken"] = "x" * 32

        assert post(session, headers={"X-CSRFToken": "y" * 32}).status_code == 403
        assert post(session, headers={"X-CSRFToken": "x" * 32}).status_code == 201
        assert Job.objects.get().owner == ada.owner

    def test_a_foreign_site_cannot_send(self, session):
        session.cookies["csrftoken"] = "x" * 32
        headers = {"X-CSRFToken": "x" * 32, "Origin": "https://evil.example"}

        problem(post(session, headers=headers), 403, "not-permitted")

    def test_a_form_is_told_what_to_send(self, session):
        """Django reads it for its CSRF token, and it cannot be read twice."""
        session.cookies["csrftoken"] = "x" * 32

        answer = session.post("/api/jobs/", {"task": "x"}, headers={"X-CSRFToken": "x" * 32})

        assert "application/json" in problem(answer, 400, "bad-request")["detail"]

    @pytest.mark.parametrize("backend", ["ModelBackend", "AllowAllUsersModelBackend"])
    def test_an_inactive_user_is_nobody(self, ada, settings, backend):
        settings.AUTHENTICATION_BACKENDS = [f"django.contrib.auth.backends.{backend}"]
        client = Client()
        client.force_login(ada.user)
        assert client.get("/api/jobs/").status_code == 200

        User.objects.update(is_active=False)

        problem(client.get("/api/jobs/"), 401, "not-signed-in")

    def test_a_site_without_sessions_has_tokens_still(self, ada, settings):
        settings.MIDDLEWARE = []

        problem(Client().get("/api/jobs/"), 401, "not-signed-in")
        assert ada.get("jobs/").status_code == 200


def test_permissions_of_groups_count(ada):
    from django.contrib.auth.models import Group, Permission

    group = Group.objects.create(name="operators")
    group.permissions.set(Permission.objects.filter(codename="view_console"))
    problem(ada.get("workers/"), 403, "not-permitted")

    ada.user.groups.add(group)
    assert ada.get("workers/").status_code == 200


def test_a_superuser_may_do_all(ada):
    User.objects.update(is_superuser=True)
    job = add_job()

    assert ada.post(f"jobs/{job.pk}/cancel").status_code == 200
    assert len(ada.get("tasks/").json()["tasks"]) == 6
