"""Tokens on the command line and in the admin."""

from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from taskyard_monitoring.api import tokens
from taskyard_monitoring.models import ApiToken
from tests.monitoring.api.conftest import user_with

pytestmark = pytest.mark.django_db


def command(*arguments):
    """Run `manage.py api_token`, and return what it writes."""
    out = StringIO()
    call_command("api_token", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


class TestCommand:
    @pytest.fixture(autouse=True)
    def _ada(self):
        user_with("ada")

    def test_it_shows_a_new_token_once(self):
        text = command("create", "ada", "--name", "deploys", "--days", "30").strip()

        client = Client(headers={"Authorization": f"Bearer {text}"})
        assert client.get("/api/jobs/").status_code == 200
        token = ApiToken.objects.get()
        assert (token.expires_at - token.created_at).days == 30

        listed = command("list")
        assert text not in listed
        assert f"{text[:9]}…" in listed
        for words in ("ada", "deploys", "good"):
            assert words in listed

    def test_it_revokes(self):
        text = command("create", "ada", "--name", "deploys").strip()

        command("revoke", text[:9])

        assert Client(headers={"Authorization": f"Bearer {text}"}).get("/api/jobs/").status_code == 401
        assert "revoked" in command("list", "ada")
        with pytest.raises(CommandError, match="was revoked"):
            command("revoke", f"{text[:9]}…")

    WRONG = {
        "unknown user": (["create", "bob", "--name", "x"], "no user 'bob'"),
        "unknown user's": (["list", "bob"], "no user 'bob'"),
        "no name": (["create", "ada", "--name", " "], "1 to 100 characters"),
        "long name": (["create", "ada", "--name", "x" * 101], "1 to 100 characters"),
        "no days": (["create", "ada", "--name", "x", "--days", "0"], "1 to 3650, not 0"),
        "many days": (["create", "ada", "--name", "x", "--days", "99999999"], "1 to 3650"),
        "unknown token": (["revoke", "ty_xxxxxx"], "api_token list"),
    }

    @pytest.mark.parametrize("case", WRONG)
    def test_it_says_what_is_wrong(self, case):
        arguments, words = self.WRONG[case]

        with pytest.raises(CommandError, match=words):
            command(*arguments)

    def test_it_tells_tokens_apart_by_state(self):
        user = User.objects.get()
        tokens.issue(user, "old")
        ApiToken.objects.update(expires_at=ApiToken.objects.get().created_at)
        assert "expired" in command("list")

        ApiToken.objects.update(expires_at=None)
        User.objects.update(is_active=False)
        assert "user is inactive" in command("list")


class TestAdmin:
    @pytest.fixture
    def admin(self):
        user = User.objects.create_user("admin", is_staff=True)
        user.user_permissions.set(
            Permission.objects.filter(codename__in=["view_apitoken", "revoke_apitoken"])
        )
        client = Client()
        client.force_login(user)
        return client

    URL = "/admin/taskyard_monitoring/apitoken/"

    def revoke(self, client, token):
        """Choose the action for a token."""
        return client.post(self.URL, {"action": "revoke", "_selected_action": [token.pk]}, follow=True)

    def test_it_shows_and_revokes(self, admin):
        token, text = tokens.issue(user_with("ada"), "deploys")

        page = admin.get(self.URL).content.decode()
        assert "deploys" in page
        assert text not in page
        assert token.digest not in admin.get(f"{self.URL}{token.pk}/change/").content.decode()

        assert "1 token is revoked." in self.revoke(admin, token).content.decode()
        assert ApiToken.objects.get().revoked_at is not None

    def test_who_may_only_look_revokes_nothing(self, admin):
        User.objects.get(username="admin").user_permissions.remove(
            Permission.objects.get(codename="revoke_apitoken")
        )
        token, _ = tokens.issue(user_with("ada"), "deploys")

        self.revoke(admin, token)

        assert ApiToken.objects.get().revoked_at is None

    def test_nobody_makes_or_changes_one(self, admin):
        User.objects.filter(username="admin").update(is_superuser=True)
        token, _ = tokens.issue(user_with("ada"), "deploys")

        assert admin.get(f"{self.URL}add/").status_code == 403
        assert admin.post(f"{self.URL}{token.pk}/change/", {"name": "x"}).status_code == 403
        assert admin.post(f"{self.URL}{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_user_takes_their_tokens_with_them():
    tokens.issue(user_with("ada"), "deploys")

    User.objects.all().delete()

    assert not ApiToken.objects.exists()
