"""What is said of settings that cost a site under ASGI."""

import sys

import pytest
from asgiref.sync import async_to_sync
from django.core import checks
from django.db import connections
from django.test import AsyncClient

from taskyard.asgi_checks import (
    _modes,
    check_middleware,
    check_persistent_connections,
)
from tests.tasks.middleware import stacks

DJANGO = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.locale.LocaleMiddleware",
]


@pytest.fixture(autouse=True)
def asgi(settings):
    settings.ASGI_APPLICATION = "config.asgi.application"


@pytest.fixture
def stack(settings):
    """Set the middleware, those of `tests.tasks.middleware.stacks` by name."""

    def use(*names):
        settings.MIDDLEWARE = [
            name if "." in name else f"tests.tasks.middleware.stacks.{name}" for name in names
        ]

    return use


@pytest.fixture
def database(monkeypatch):
    """Change the settings of the default database."""

    def change(**values):
        monkeypatch.setitem(connections.settings, "default", {**connections.settings["default"], **values})

    return change


# --- middleware -------------------------------------------------------------------------------------


def test_what_django_and_we_bring_can_do_both(stack):
    ours = [
        f"taskyard.middleware.{name}_middleware" for name in ("request_id", "server_timing", "job_metadata")
    ]
    stack(*DJANGO, *ours, "both", "async_only")

    assert check_middleware() == []


@pytest.mark.parametrize("name", ["plain", "sync_only", "Old"])
def test_one_that_is_sync_only_is_named(stack, settings, name):
    stack("both", name, "both", "both")

    [warning] = check_middleware()

    assert (warning.id, warning.level) == ("taskyard.W003", checks.WARNING)
    assert f"tests.tasks.middleware.stacks.{name} can run in sync stacks alone. 2 of 4" in warning.msg
    assert "sync_and_async_middleware" in warning.hint
    assert "times" not in warning.hint

    del settings.ASGI_APPLICATION
    assert check_middleware() == []


def test_two_apart_cost_no_more_than_one(stack):
    stack("sync_only", "both", "plain")

    [warning] = check_middleware()

    assert "stacks.sync_only, tests.tasks.middleware.stacks.plain can run in sync" in warning.msg
    assert "times" not in warning.hint


def test_async_only_ones_between_cost_a_trip_each(stack):
    stack("sync_only", "async_only", "plain")

    [warning] = check_middleware()

    assert "2 times, because tests.tasks.middleware.stacks.async_only cannot" in warning.hint


def test_what_cannot_be_loaded_is_djangos_to_tell(stack, tmp_path, monkeypatch):
    (tmp_path / "broken_middleware.py").write_text("raise ValueError('no luck')")
    monkeypatch.syspath_prepend(tmp_path)
    stack("no.such.module", "no_such_name", "broken_middleware.any")

    assert check_middleware() == []
    assert "broken_middleware" not in sys.modules


def test_nothing_is_made(stack):
    stacks.made.clear()
    stack("both", "plain", "sync_only", "async_only", "Old")

    check_middleware()

    assert stacks.made == []


@pytest.mark.parametrize(
    "names",
    [
        ["both", "both"],
        ["both", "plain", "both"],
        ["plain", "both", "plain", "both"],
        ["both", "async_only", "both", "plain"],
        ["plain", "async_only", "both", "plain", "both"],
        ["async_only", "both"],
    ],
    ids="-".join,
)
def test_it_says_what_django_does(stack, settings, names):
    settings.ROOT_URLCONF = "tests.tasks.middleware.site"
    stack("taskyard.middleware.request_id_middleware", *names)
    stacks.ran.clear()

    async def ask():
        return await AsyncClient().get("/async/tell/")

    assert async_to_sync(ask)().status_code == 200
    said = [
        "loop" if is_async else "thread" for is_async in _modes([getattr(stacks, name) for name in names])
    ]
    assert [where for _, where in stacks.ran] == said[::-1]


# --- connections ------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [60, None])
def test_persistent_connections_are_told(database, settings, age):
    database(CONN_MAX_AGE=age)

    [warning] = check_persistent_connections()

    assert (warning.id, warning.level) == ("taskyard.W004", checks.WARNING)
    assert f"DATABASES['default'] keeps connections (CONN_MAX_AGE is {age!r})" in warning.msg
    assert "pool" in warning.hint

    del settings.ASGI_APPLICATION
    assert check_persistent_connections() == []


def test_connections_that_end_with_their_request_are_fine(database):
    database(CONN_MAX_AGE=0)

    assert check_persistent_connections() == []


def test_a_pool_with_persistent_connections_is_djangos_to_refuse(database):
    database(CONN_MAX_AGE=60, OPTIONS={"pool": True})

    assert check_persistent_connections() == []
