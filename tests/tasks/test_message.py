"""What travels through an engine."""

import json

import pytest

from taskyard.ids import new_job_id
from taskyard.message import VERSION, BadMessage, decode, encode


def test_a_message_survives_the_journey_as_json():
    job_id = new_job_id()

    found = decode(json.loads(json.dumps(encode(job_id))))

    assert found.job_id == job_id
    assert not found.is_foreign


def test_another_sites_message_is_known_by_its_mark(settings):
    settings.SECRET_KEY = "another site's"
    message = encode(new_job_id())
    settings.SECRET_KEY = "this site's"

    assert decode(message).is_foreign
    assert "site's" not in str(message)


JOB = "01a1fc0c-9e78-749a-bc68-20c1ff1f124f"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (None, "no message of Taskyard's"),
        ("{", "no message of Taskyard's"),
        ([1], "no message of Taskyard's"),
        ({}, "no message of Taskyard's"),
        ({"v": VERSION + 1, "job": JOB}, "another version"),
        ({"v": 0, "job": JOB}, "another version"),
        ({"v": VERSION}, "names no job"),
        ({"v": VERSION, "job": "nope"}, "names no job"),
        ({"v": VERSION, "job": None}, "names no job"),
    ],
    ids=str,
)
def test_what_is_no_message_is_refused_with_the_reason(message, said):
    with pytest.raises(BadMessage, match=said):
        decode(message)
