"""What jobs tell of the request that enqueued them."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.models import Job

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
]


def metadata():
    return [job.metadata for job in Job.objects.order_by("id")]


def test_jobs_carry_the_request_and_who_sent_it(site, get):
    site("job_metadata_middleware")
    user = User.objects.create(username="ada")

    get("enqueue", user=user, x_request_id="r1")
    get("enqueue")

    assert metadata() == [{"request_id": "r1", "user": str(user.pk)}, {}]
    assert Job.objects.earliest("id").owner == str(user.pk)


@pytest.mark.parametrize("request_id", ["x" * 201, "two words", "one\r\ntwo"], ids=repr)
def test_an_id_that_is_not_valid_is_not_carried(site, get, request_id):
    site("job_metadata_middleware")

    get("enqueue", x_request_id=request_id)

    assert metadata() == [{}]


def test_the_id_that_the_request_was_given_is_carried(site, get):
    site("request_id_middleware", "job_metadata_middleware")

    response = get("enqueue", x_request_id="two words")

    assert metadata() == [{"request_id": response["X-Request-Id"]}]


def test_what_a_stream_enqueues_carries_them_too(site, get):
    site("job_metadata_middleware")
    user = User.objects.create(username="ada")

    get("stream", user=user, x_request_id="r1")

    assert metadata() == [{"request_id": "r1", "user": str(user.pk)}] * 2


def test_a_request_that_enqueues_nothing_is_not_asked_for_its_user(site, get):
    site("request_id_middleware", "job_metadata_middleware")
    user = User.objects.create(username="ada")
    get("tell", user=user)

    with CaptureQueriesContext(connection) as queries:
        get("file")

    assert len(queries) == 0
