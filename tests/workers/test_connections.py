"""How long the connections of a worker's own threads live."""

import pytest
from django.db import DatabaseError, close_old_connections, connection

from taskyard.models import Job
from taskyard_workers.connections import keep_connections
from tests.support.servers import wait_until
from tests.tasks.threads import at_once

END = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL %s"),
}
"""How a connection is told from others, and ended, by server."""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def opened_for_each_request(monkeypatch):
    """As Django's settings have it, unless a site says otherwise."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)


def connected_after(tend):
    """Return whether a thread's connection is the same after its round of work, and whether it works."""
    connection.ensure_connection()
    first = connection.connection
    tend()
    Job.objects.count()
    return connection.connection is first


def test_a_threads_connection_is_kept_where_a_requests_would_be_closed():
    [kept] = at_once(lambda: connected_after(keep_connections))
    [kept_as_requests_are] = at_once(lambda: connected_after(close_old_connections))

    assert kept
    assert not kept_as_requests_are


@pytest.mark.skipif("connection.vendor not in END", reason="nothing breaks a connection to a file")
def test_a_broken_connection_is_replaced():
    def counted_after_it_broke():
        keep_connections()
        end_from_elsewhere()
        wait_until(fails, "the connection is broken")
        keep_connections()
        return Job.objects.count()

    assert at_once(counted_after_it_broke) == [0]


def end_from_elsewhere():
    """Have the server end this thread's connection."""
    which, end = END[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(which)
        [number] = cursor.fetchone()
    elsewhere = connection.copy()
    with elsewhere.cursor() as cursor:
        cursor.execute(end, [number])
    elsewhere.close()


def fails():
    try:
        Job.objects.count()
    except DatabaseError:
        return True
    return False
