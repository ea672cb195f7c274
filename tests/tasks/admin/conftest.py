"""People of all sorts in front of the admin."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client


@pytest.fixture
def signed_in(db):
    """Sign somebody in who has these permissions: `signed_in("view_job", "operate_job")`."""

    def sign_in(*codenames):
        user = User.objects.create_user("ada", is_staff=True)
        permissions = Permission.objects.filter(
            content_type__app_label__in=["taskyard", "taskyard_workers"], codename__in=codenames
        )
        assert len(permissions) == len(codenames)
        user.user_permissions.set(permissions)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def viewer(signed_in):
    """Somebody who may look at everything and touch nothing."""
    return signed_in("view_job", "view_pausedqueue", "view_workerprocess")


@pytest.fixture
def operator(signed_in):
    """Somebody who may steer."""
    return signed_in("view_job", "operate_job", "view_pausedqueue", "operate_queue", "view_workerprocess")
