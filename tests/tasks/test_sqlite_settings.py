"""SQLite databases get what several processes need, and a warning where a site has said otherwise."""

import pytest
from django.db import connections

from taskyard.checks import check_sqlite
from taskyard.sqlite import DEFAULT_OPTIONS, prepare_databases

SQLITE = "django.db.backends.sqlite3"


@pytest.fixture
def databases(monkeypatch):
    """Pretend the site had these settings."""

    def pretend(**settings):
        monkeypatch.setattr(connections, "settings", {"default": settings})
        return settings

    return pretend


def test_a_site_that_says_nothing_gets_all_of_it(databases):
    settings = databases(ENGINE=SQLITE, NAME="x")

    prepare_databases()

    assert settings["OPTIONS"] == DEFAULT_OPTIONS
    assert check_sqlite() == []


def test_what_a_site_says_is_kept(databases):
    settings = databases(ENGINE=SQLITE, NAME="x", OPTIONS={"timeout": 5, "transaction_mode": "EXCLUSIVE"})

    prepare_databases()

    assert settings["OPTIONS"] == {**DEFAULT_OPTIONS, "timeout": 5, "transaction_mode": "EXCLUSIVE"}
    assert check_sqlite() == []


@pytest.mark.parametrize("engine", ["django.db.backends.postgresql", "django.db.backends.mysql"])
def test_other_databases_are_left_alone(databases, engine):
    settings = databases(ENGINE=engine, NAME="x")

    prepare_databases()

    assert "OPTIONS" not in settings
    assert check_sqlite() == []


WRONG = {
    "deferred": ({"transaction_mode": "DEFERRED"}, "transaction_mode"),
    "no-mode": ({"transaction_mode": None}, "transaction_mode"),
    "no-wal": ({"init_command": "PRAGMA synchronous=NORMAL;"}, "journal_mode=WAL"),
    "no-command": ({"init_command": ""}, "journal_mode=WAL"),
}


@pytest.mark.parametrize(("options", "word"), WRONG.values(), ids=WRONG)
def test_settings_that_lock_workers_out_are_warned_of(databases, options, word):
    databases(ENGINE=SQLITE, NAME="x", OPTIONS=options)
    prepare_databases()

    [warning] = check_sqlite()

    assert warning.id == "taskyard.W001"
    assert "database is locked" in warning.msg
    assert word in warning.hint


def test_a_warning_may_name_two_faults(databases):
    databases(ENGINE=SQLITE, NAME="x", OPTIONS={"transaction_mode": "DEFERRED", "init_command": ""})

    [warning] = check_sqlite()

    assert "transaction_mode" in warning.hint
    assert "journal_mode=WAL" in warning.hint
