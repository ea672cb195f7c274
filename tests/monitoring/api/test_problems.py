"""Whatever goes wrong is told in one shape."""

import pytest
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse, UnreadablePostError
from django.test import Client, RequestFactory

from taskyard.exceptions import NotMigrated
from taskyard.models import JOB_TABLE
from taskyard_monitoring.api import jobs
from taskyard_monitoring.api.problems import explained
from tests.monitoring.api.conftest import problem

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["", "nowhere", "jobs", "jobs/x/y/z", "queues/mail", "é/%00", "docs/more", "jobs//"]
)
def test_there_is_nothing_at_other_addresses(ada, path):
    problem(ada.get(path), 404, "not-found")
    problem(Client().post(f"/api/{path}"), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "jobs/", "GET, POST"),
        ("PUT", "jobs/01890a5d-ac96-774b-bcce-b302099a8057", "GET"),
        ("GET", "queues/mail/pause", "POST"),
        ("TRACE", "tasks/", "GET"),
        ("OPTIONS", "workers/", "GET"),
    ],
)
def test_other_methods_are_told_which_there_are(method, path, allowed):
    answer = Client().generic(method, f"/api/{path}")

    problem(answer, 405, "method-not-allowed")
    assert answer["Allow"] == allowed


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"9" * 5_000])
def test_what_is_no_json_is_told(ada, body):
    problem(ada.post("jobs/", body), 400, "not-json")


@pytest.mark.parametrize("body", ["[]", "null", "7", '"x"', "{}", '{"task": 7}', '{"task": "x", "args": []}'])
def test_what_is_another_json_is_told(ada, body):
    told = problem(ada.post("jobs/", body), 422, "invalid-request")

    assert all(fault["where"].startswith("body") for fault in told["errors"])


def test_a_body_has_a_limit(ada, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    problem(ada.post("jobs/", {"task": "x" * 1000}), 413, "too-large")


def test_a_body_says_how_long_it_is(ada):
    request = RequestFactory().post("/api/jobs/", b"{}", content_type="application/json", headers=ada.headers)
    environ = {**request.environ, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}

    problem(Client().request(**environ), 411, "length-required")


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "x", ""])
def test_the_content_type_is_no_trap(ada, content_type):
    answer = ada._client.generic(
        "POST",
        "/api/jobs/",
        '{"task": "tests.example.exposed.anything", "arguments": {"value": 1}}',
        content_type=content_type,
    )

    assert answer.status_code == 201, answer.content


def test_a_client_that_went_away_is_no_fault_of_ours(rf):
    assert explained(rf.post("/"), UnreadablePostError()).status_code == 400


@pytest.mark.parametrize("error", [OperationalError("db.internal is gone"), InterfaceError("closed")])
def test_a_database_that_is_gone_is_told(ada, monkeypatch, error, caplog):
    def fail(*_args):
        raise error

    monkeypatch.setattr(jobs, "_page", fail)

    answer = ada.get("jobs/")

    told = problem(answer, 503, "unavailable")
    assert answer["Retry-After"] == "5"
    assert "internal" not in told["detail"]
    assert "cannot reach the database" in caplog.text


@pytest.mark.skipif(connection.vendor == "mysql", reason="MySQL cannot take back what is done to tables")
def test_tables_that_are_missing_are_told(ada):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {JOB_TABLE} RENAME TO elsewhere")

    told = problem(ada.get("jobs/"), 503, "unavailable")

    assert "migrate" in told["detail"]


def test_missing_tables_say_what_to_do(rf):
    answer = explained(rf.get("/"), NotMigrated("x"))

    assert (answer.status_code, b"migrate" in answer.content) == (503, True)


def test_a_fault_of_ours_reaches_the_sites_people(ada, monkeypatch, caplog):
    def fail(*_args):
        raise RuntimeError("secret words")

    seen = []
    monkeypatch.setattr(jobs, "_page", fail)
    ada._client.raise_request_exception = False
    hear = lambda **named: seen.append(named["request"].path)  # noqa: E731
    got_request_exception.connect(hear)
    try:
        told = problem(ada.get("jobs/"), 500, "failure")
    finally:
        got_request_exception.disconnect(hear)

    assert "secret words" not in str(told)
    assert "secret words" in caplog.text
    assert seen == ["/api/jobs/"]


def test_answers_are_for_their_caller_alone(ada):
    answer = ada.get("jobs/")

    assert isinstance(answer, HttpResponse)
    assert {"Authorization", "Cookie"} <= set(answer["Vary"].split(", "))
    assert answer["Cache-Control"] == "private, no-cache"
    assert ada.get("nowhere")["Cache-Control"] == "no-store"


def test_it_is_where_it_is_mounted(ada):
    """Under several addresses, also with variables, and where the script has a prefix."""
    body = {"task": "tests.example.exposed.anything", "arguments": {"value": 1}}

    answer = ada._client.post("/again/north/jobs/", body, content_type="application/json")
    # The second mount gives views a variable that they do not take, as any site may.
    assert answer.status_code == 201, answer.content
    assert answer["Location"].startswith("/again/north/jobs/")
    assert ada._client.get(answer["Location"]).status_code == 200
    described = ada._client.get("/again/north/openapi.json").json()
    assert "/again/north/jobs/" in described["paths"]

    problem(ada._client.get("/again/north/nowhere"), 404, "not-found")
    assert ada._client.get("/again/north/docs").status_code == 302

    odd = ada._client.post("/again/a b<é/jobs/", body, content_type="application/json")
    assert odd["Location"].startswith("/again/a%20b%3C%C3%A9/jobs/")
    assert ada._client.get(odd["Location"]).status_code == 200

    prefixed = ada._client.get("/api/openapi.json", SCRIPT_NAME="/app").json()
    assert "/app/api/jobs/" in prefixed["paths"]


def test_it_goes_with_atomic_requests(ada, settings):
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert ada.get("jobs/").status_code == 200
        problem(ada.get("nowhere"), 404, "not-found")
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
