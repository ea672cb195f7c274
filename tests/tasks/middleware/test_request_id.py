"""One id in the response, the log and the jobs of a request."""

import logging
import re
from uuid import UUID

import pytest
from django.test import RequestFactory

from taskyard import job_metadata
from taskyard.middleware import current_request_id, request_id_middleware
from taskyard.models import Job
from taskyard.testing import drain
from tests.example.tasks import log_a_line
from tests.tasks.middleware.site import send_file

pytestmark = [
    pytest.mark.django_db,
    # What a sync stack says of an async stream, and the other way round, is Django's advice and not an error.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
]

GENERATED = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(autouse=True)
def _ours(site):
    site("request_id_middleware", "job_metadata_middleware")


@pytest.mark.parametrize(
    "request_id",
    [
        "r",
        "x" * 200,
        "0b8a3ac1-6c3e-4ad8-a4b5-59a1b8f6d0c2",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "Root=1-67891233-abcdef012345678912345678",
        "k7/2Zq+VbU0sY1m4aWx3Lg==",
    ],
)
def test_an_id_that_is_valid_is_taken_over(get, request_id):
    response = get("tell", x_request_id=request_id)

    assert response["X-Request-Id"] == request_id
    assert response.read.decode() == f"{request_id} {request_id}"
    assert current_request_id() is None


@pytest.mark.parametrize(
    "request_id",
    [
        "",
        "x" * 201,
        "two words",
        "one,two",
        "one\r\nSet-Cookie: a=b",
        "one\n",
        'quoted"',
        "<script>",
        "%0d%0a",
        "\x00",
        "käse",
        "²",
    ],
    ids=repr,
)
def test_any_other_is_replaced(get, request_id):
    response = get("tell", x_request_id=request_id)

    assert GENERATED.fullmatch(response["X-Request-Id"])
    assert response.read.decode() == f"{response['X-Request-Id']} {response['X-Request-Id']}"


def test_each_request_gets_an_id_of_its_own(get):
    ids = {get("tell")["X-Request-Id"] for _ in range(3)}

    assert len({UUID(request_id) for request_id in ids}) == 3


@pytest.mark.parametrize(("view", "status"), [("fail", 500), ("refuse", 403), ("miss", 404), ("none", 404)])
def test_a_response_to_an_error_has_it_and_so_has_what_is_logged(get, lines, view, status):
    response = get(view, x_request_id="r1")

    assert (response.status_code, response["X-Request-Id"]) == (status, "r1")
    assert lines
    assert all(line.startswith("[r1] django.request: ") for line in lines), lines
    assert current_request_id() is None


def test_a_stream_has_it_in_every_chunk_and_nothing_of_it_is_left(get, lines):
    response = get("stream", x_request_id="r1")

    assert response["X-Request-Id"] == "r1"
    assert response.read == b"0 r1\n1 r1\n"
    assert lines[-1] == "[r1] tests.site: stream ended"
    assert current_request_id() is None


def test_a_file_is_left_to_the_server():
    response = request_id_middleware(send_file)(RequestFactory().get("/"))

    assert response.has_header("X-Request-Id")
    assert response.file_to_stream is not None
    response.close()


def test_what_is_logged_names_the_request(get, lines):
    get("tell", x_request_id="r1")
    logging.getLogger("tests.lines").warning("hello")
    logging.getLogger("tests.lines").warning("hello", extra={"request_id": "mine"})

    assert lines == ["[r1] tests.site: answering", "[-] tests.lines: hello", "[mine] tests.lines: hello"]


def test_the_jobs_of_a_request_carry_it_and_log_with_it(get, lines):
    get("stream", x_request_id="r1")
    with job_metadata(request_id="r2"):
        log_a_line.enqueue("hello")
    logger = logging.getLogger("tests.lines")
    drain()
    logger.warning("over")

    assert [job.metadata for job in Job.objects.order_by("id")] == [{"request_id": "r1"}] * 2 + [
        {"request_id": "r2"}
    ]
    assert "[r2] tests.lines: hello" in lines
    assert lines[-1] == "[-] tests.lines: over"
