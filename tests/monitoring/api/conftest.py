"""The API, and people who call it."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client

from taskyard_monitoring.api import tokens

LEVELS = {
    "nobody": (),
    "viewer": ("view_console",),
    "operator": ("view_console", "operate_console"),
}


@pytest.fixture(autouse=True)
def _api(settings):
    settings.ROOT_URLCONF = "tests.monitoring.api.urls"
    cache.clear()


def user_with(name, *codenames):
    """Return a user with these permissions of the console."""
    user, _ = User.objects.get_or_create(username=name)
    found = Permission.objects.filter(codename__in=codenames)
    assert len(found) == len(codenames)
    user.user_permissions.set(found)
    return user


class Caller:
    """Somebody with a token."""

    def __init__(self, name, *codenames):
        self.user = user_with(name, *codenames)
        self.token, self.text = tokens.issue(self.user, "tests")
        self.headers = {"Authorization": f"Bearer {self.text}"}
        self._client = Client(headers=self.headers)

    @property
    def owner(self):
        """Their key on jobs."""
        return str(self.user.pk)

    def get(self, path, data=None, **options):
        """Read."""
        return self._client.get(f"/api/{path}", data, **options)

    def post(self, path, data=None, **options):
        """Send JSON; None: nothing at all."""
        if data is None:
            return self._client.post(f"/api/{path}", b"", content_type="application/json", **options)
        return self._client.post(f"/api/{path}", data, content_type="application/json", **options)

    def enqueue(self, task, queue=None, priority=None, run_after=None, **arguments):
        """Enqueue a task of `tests.example.exposed`."""
        options = {"queue": queue, "priority": priority, "run_after": run_after}
        return self.post(
            "jobs/", {"task": f"tests.example.exposed.{task}", "arguments": arguments, **options}
        )


@pytest.fixture
def ada(db):
    """Somebody without any permission."""
    return Caller("ada")


@pytest.fixture
def bob(db):
    """Somebody else without any permission."""
    return Caller("bob")


@pytest.fixture
def viewer(db):
    """Somebody who may see the console."""
    return Caller("viewer", *LEVELS["viewer"])


@pytest.fixture
def operator(db):
    """Somebody who may steer."""
    return Caller("operator", *LEVELS["operator"])


def problem(response, status, kind):
    """Return a problem as the answer tells it, after a look at its shape."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    told = response.json()
    assert set(told) == {"type", "title", "status", "detail", "errors"}
    assert told["type"] == f"urn:taskyard:{kind}"
    assert told["status"] == status
    assert told["detail"]
    return told
