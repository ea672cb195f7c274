"""The shop under each server, behind nginx."""

import subprocess
import sys

import pytest

from tests.support.processes import ROOT, manage

from .clients import Browser
from .running import COMMANDS, nginx, running, shop_environment

SIGN_IN = """
import django
django.setup()
from django.contrib.auth.models import User
from django.test import Client
user = User.objects.create_user("sam", is_staff=True, is_superuser=True)
client = Client()
client.force_login(user)
print(client.cookies["sessionid"].value)
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """The folder of a shop with an empty database and static files, and the session of somebody who works there."""
    folder = tmp_path_factory.mktemp("shop")
    environment = shop_environment(folder)
    manage("migrate", "-v0", environment=environment)
    manage("collectstatic", "--no-input", "-v0", environment=environment)
    told = subprocess.run(
        [sys.executable, "-c", SIGN_IN], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    )
    return folder, told.stdout.strip()


@pytest.fixture(scope="module", params=COMMANDS)
def served(request, shop):
    """The shop under one server after the other: the server and the nginx before it."""
    folder, _ = shop
    with running(request.param, folder) as server, nginx(server.port, folder / "static") as proxy:
        yield server, proxy


@pytest.fixture
def proxy(served):
    """The nginx before the shop."""
    return served[1]


@pytest.fixture
def staff(proxy, shop):
    """Somebody who works in the shop."""
    with Browser(proxy.port, shop[1]) as browser:
        yield browser


@pytest.fixture
def stranger(proxy):
    """Somebody who has not signed in."""
    with Browser(proxy.port) as browser:
        yield browser
