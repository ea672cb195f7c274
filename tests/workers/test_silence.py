"""A database that goes away without a word, as workers see it: only PostgreSQL goes over a network here."""

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections

from taskyard.backend import WorkerOptions
from taskyard.compat import task_backends
from taskyard_workers.management.commands import dispatcher, worker
from taskyard_workers.membership import DEATH, Membership
from taskyard_workers.models import WorkerProcess
from taskyard_workers.silence import OPTIONS, PATIENCE, notice_silence
from tests.tasks.threads import at_once


@pytest.fixture(autouse=True)
def _only_postgresql(db):
    if connection.vendor != "postgresql":
        pytest.skip("This is about PostgreSQL.")


@pytest.fixture
def options(monkeypatch):
    """The OPTIONS that the site gives; what becomes of them is undone."""
    settings = connections.settings["default"]
    given = {"tcp_user_timeout": 4000}
    monkeypatch.setitem(settings, "OPTIONS", given)
    return given


@pytest.mark.django_db(transaction=True)
def test_connections_give_up_silence_where_the_site_says_nothing_of_it(options):
    notice_silence()

    def parameters():
        connection.ensure_connection()
        try:
            return connection.connection.info.get_parameters()
        finally:
            connection.close()

    for found in (parameters(), *at_once(parameters)):
        expected = {name: str(value) for name, value in {**OPTIONS, **options}.items()}
        assert found.items() >= expected.items()


def test_a_service_file_has_the_last_word(options):
    options["service"] = "shop"

    notice_silence()

    assert connections.settings["default"]["OPTIONS"] == {"tcp_user_timeout": 4000, "service": "shop"}


def test_silence_is_noticed_well_before_death():
    assert 2 * PATIENCE < DEATH


@pytest.mark.parametrize("command", [worker, dispatcher])
def test_workers_and_dispatchers_notice(command, monkeypatch):
    class Noticed(Exception):
        pass

    def notice():
        raise Noticed

    monkeypatch.setattr(command, "notice_silence", notice)

    with pytest.raises(Noticed):
        call_command(command.Command())


@pytest.mark.django_db(transaction=True)
def test_a_worker_signs_off_though_the_database_was_away_since_it_joined(caplog):
    membership = Membership(task_backends["default"], WorkerOptions(), on_lost=lambda: None)
    membership.join()
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])

    membership.leave()

    assert not WorkerProcess.objects.exists()
    assert "could not sign off" not in caplog.text
