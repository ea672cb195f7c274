"""What the API lets people enqueue, and how it tells what they got wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from taskyard.database import DatabaseNow
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard_monitoring.exposing import exposed
from tests.monitoring.api.conftest import problem
from tests.tasks.jobs import fresh

pytestmark = pytest.mark.django_db


def job_of(response):
    """Return the job that an answer names."""
    assert response.status_code == 201, response.content
    assert response["Location"] == f"/api/jobs/{response.json()['id']}"
    return Job.objects.get(pk=response.json()["id"])


def test_a_job_is_enqueued_on_the_callers_behalf(ada):
    job = job_of(ada.enqueue("build_report", report_id=7))

    assert (job.task, job.args, job.kwargs) == ("tests.example.exposed.build_report", [], {"report_id": 7})
    assert (job.queue, job.priority, job.owner) == ("reports", 10, ada.owner)
    assert ada.get(f"jobs/{job.pk}").json()["kwargs"] == {"report_id": 7}


def test_the_callers_options_reach_the_job(ada):
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)

    job = job_of(
        ada.enqueue("build_report", report_id=7, queue="mail", priority=-5, run_after=later.isoformat())
    )

    assert (job.queue, job.priority, job.run_after) == ("mail", -5, later)


def test_a_time_that_has_passed_is_now(ada):
    job = job_of(ada.enqueue("build_report", report_id=7, run_after="0001-01-01T00:00:00+14:00"))

    assert job.run_after is None


WRONG_OPTIONS = {
    "queue of another": ({"queue": "default"}, "body.queue", "mail, reports"),
    "queue of nobody": ({"queue": "nowhere"}, "body.queue", "mail, reports"),
    "too urgent": ({"priority": 11}, "body.priority", "10 at most"),
    "priority beyond all": ({"priority": 101}, "body.priority", ""),
    "without a zone": ({"run_after": "2026-01-31T14:30:00"}, "body.run_after", "zone"),
    "too late": ({"run_after": "9999-12-31T23:59:59-14:00"}, "body.run_after", "366 days"),
    "no time": ({"run_after": "soon"}, "body.run_after", "2026-01-31T14:30:00Z"),
}


@pytest.mark.parametrize("case", WRONG_OPTIONS)
def test_options_are_bounded(ada, case):
    options, where, remedy = WRONG_OPTIONS[case]

    told = problem(ada.enqueue("build_report", report_id=7, **options), 422, "invalid-request")

    [fault] = told["errors"]
    assert fault["where"] == where
    assert remedy in fault["remedy"]
    assert not Job.objects.exists()


def test_an_operator_may_put_a_job_before_others(operator):
    assert job_of(operator.enqueue("build_report", report_id=7, priority=50)).priority == 50


WRONG_ARGUMENTS = {
    "missing": ({}, ["report_id"], "Add it."),
    "a text for a number": ({"report_id": "7"}, ["report_id"], "whole number"),
    "true for a number": ({"report_id": True}, ["report_id"], "whole number"),
    "unknown": (
        {"report_id": 7, "size": 1},
        ["size"],
        "The task takes report_id, day, colour.",
    ),
    "no date": ({"report_id": 7, "day": "yesterday"}, ["day"], "2026-01-31"),
    "none of the words": ({"report_id": 7, "colour": "blue"}, ["colour"], ""),
    "several": ({"report_id": None, "colour": 1}, ["report_id", "colour"], ""),
}


@pytest.mark.parametrize("case", WRONG_ARGUMENTS)
def test_arguments_are_checked_against_the_signature(ada, case):
    arguments, names, remedy = WRONG_ARGUMENTS[case]

    told = problem(ada.enqueue("build_report", **arguments), 422, "invalid-request")

    assert [fault["where"] for fault in told["errors"]] == [f"body.arguments.{name}" for name in names]
    assert all(fault["problem"] and fault["remedy"] for fault in told["errors"])
    assert remedy in told["errors"][0]["remedy"]
    assert not Job.objects.exists()


def test_bounds_in_annotations_hold(operator):
    from django.contrib.auth.models import Permission

    operator.user.user_permissions.add(Permission.objects.get(codename="view_group"))

    problem(operator.enqueue("count_groups", limit=6), 422, "invalid-request")
    job_of(operator.enqueue("count_groups", limit=5))


def test_every_kind_of_parameter_is_given_by_name(ada):
    home = {"street": "Elm", "number": 7}

    job = job_of(ada.enqueue("with_context", copy="a", schema=[1, 2], model=home, extra=1.5))
    assert (job.args, job.kwargs) == (["a", [], 1, 2], {"model": home, "extra": 1.5})

    told = problem(
        ada.enqueue("with_context", copy="a", schema=["x"], model={}, extra="no"), 422, "invalid-request"
    )
    assert [fault["where"].removeprefix("body.arguments.") for fault in told["errors"]] == [
        "schema.0",
        "model.street",
        "model.number",
        "extra",
    ]


def test_what_stands_before_several_is_given_by_place(ada):
    job = job_of(ada.enqueue("several", second="x", others=[1, 2]))
    assert (job.args, job.kwargs) == (["a", "x", 1, 2], {})

    job = job_of(ada.enqueue("several", second="x"))
    assert (job.args, job.kwargs) == ([], {"second": "x"})


@pytest.mark.parametrize("value", [None, 1, "x", [{"a": [1.5]}], {"deep": {"er": True}}])
def test_what_has_no_annotation_takes_any_json(ada, value):
    assert job_of(ada.enqueue("anything", value=value)).kwargs == {"value": value}


NOT_STORABLE = {
    "NUL": "a\x00b",
    "too large": "x" * 300_000,
    "too deep": eval("[" * 40 + "]" * 40),
}


@pytest.mark.parametrize("case", NOT_STORABLE)
def test_what_no_database_takes_is_told(ada, case):
    told = problem(ada.enqueue("anything", value=NOT_STORABLE[case]), 422, "invalid-request")

    assert [fault["where"] for fault in told["errors"]] == ["body.arguments"]


@pytest.mark.parametrize("text", ['{"value": NaN}', '{"value": 1e999}', '{"value": "\\ud800"}'])
def test_json_beyond_json_is_told(ada, text):
    body = f'{{"task": "tests.example.exposed.anything", "arguments": {text}}}'

    told = problem(ada.post("jobs/", body), 422, "invalid-request")

    assert told["errors"]


@pytest.mark.parametrize(
    "body",
    [
        '{"task": "\\ud800"}',
        '{"task": "tests.example.exposed.anything", "arguments": {"\\ud800": 1}}',
        '{"task": "tests.example.exposed.with_context", "arguments": {"\\u0000": 1}}',
        '{"task": "tests.example.exposed.build_report", "arguments": {"report_id": 1}, "queue": "\\ud800"}',
    ],
)
def test_half_characters_are_told(ada, body):
    assert problem(ada.post("jobs/", body), 422, "invalid-request")["errors"]


@pytest.mark.parametrize("path", ["hidden", "nothing", "anything.func", "\x00", "é", "a" * 190])
def test_only_what_is_exposed_is_there(ada, path):
    told = problem(ada.enqueue(path, value=1), 422, "invalid-request")

    assert told["errors"][0]["where"].endswith("task")


def test_a_path_is_never_imported(ada):
    import sys

    assert "this" not in sys.modules
    problem(ada.post("jobs/", {"task": "this.that"}), 422, "invalid-request")
    assert "this" not in sys.modules


def test_a_task_needs_its_permission(ada):
    told = problem(ada.enqueue("count_groups"), 403, "not-permitted")

    assert "auth.view_group" in told["detail"]
    assert not Job.objects.exists()


def test_a_unique_job_that_is_there_does(ada, bob):
    first = job_of(ada.enqueue("only_once", number=1))

    again = ada.enqueue("only_once", number=1)
    assert again.status_code == 200
    assert again.json()["id"] == str(first.pk)
    assert again.json()["is_duplicate"]

    # Somebody else learns that there is one, and nothing else of it.
    assert str(first.pk) not in str(problem(bob.enqueue("only_once", number=1), 409, "duplicate"))


class TestSentAgain:
    """A request that is sent again, for its answer was lost, makes no second job."""

    def send(self, caller, key="k1", task="anything", **arguments):
        body = {"task": f"tests.example.exposed.{task}", "arguments": arguments}
        return caller.post("jobs/", body, headers={"Idempotency-Key": key})

    def test_there_is_one_job(self, ada):
        first = job_of(self.send(ada, value=1.0))

        again = self.send(ada, value=1)

        assert (again.status_code, again.json()["id"]) == (200, str(first.pk))
        assert Job.objects.count() == 1

    def test_also_after_its_end_for_a_day(self, ada):
        first = job_of(self.send(ada, value=1))
        drain()
        assert fresh(first).state == JobState.SUCCESSFUL

        assert self.send(ada, value=1).json()["id"] == str(first.pk)
        Job.objects.update(unique_until=DatabaseNow() - timedelta(seconds=1))
        job_of(self.send(ada, value=1))

    def test_another_key_is_another_job(self, ada, bob):
        job_of(self.send(ada, value=1))

        job_of(self.send(ada, key="k2", value=1))
        job_of(self.send(bob, value=1))
        job_of(self.send(ada, task="build_report", report_id=1))

    def test_the_same_key_is_for_the_same_job(self, ada):
        job_of(self.send(ada, value=1))

        told = problem(self.send(ada, value=2), 422, "invalid-request")

        assert told["errors"][0]["where"] == "header.Idempotency-Key"
        assert Job.objects.count() == 1

    def test_what_is_unique_anyway_stays_so(self, ada):
        first = job_of(self.send(ada, task="only_once", number=1))

        assert self.send(ada, key="k2", task="only_once", number=1).json()["id"] == str(first.pk)

    def test_a_key_is_short(self, ada):
        told = problem(self.send(ada, key="k" * 201, value=1), 422, "invalid-request")

        assert told["errors"][0]["where"] == "header.Idempotency-Key"


def test_the_tasks_are_listed_with_their_schemas(ada, operator):
    found = {each["task"].rpartition(".")[2]: each for each in ada.get("tasks/").json()["tasks"]}

    assert set(found) == {"anything", "build_report", "only_once", "several", "with_context"}
    report = found["build_report"]
    assert (report["description"], report["queues"]) == ("Build a report.", ["mail", "reports"])
    assert report["arguments"]["required"] == ["report_id"]
    assert report["arguments"]["additionalProperties"] is False
    assert report["arguments"]["properties"]["colour"] == {
        "default": "red",
        "enum": ["red", "green"],
        "title": "Colour",
        "type": "string",
    }
    assert list(found["with_context"]["arguments"]["properties"]) == ["copy", "json", "schema", "model"]
    assert found["with_context"]["arguments"]["additionalProperties"]["type"] == "number"


class TestDecorator:
    @pytest.mark.parametrize("permission", ["", "view_group", "a.b.c", 7])
    def test_a_permission_is_one(self, permission):
        with pytest.raises(ValueError, match="as has_perm takes it"):
            exposed(permission=permission)

    def test_it_stands_under_task(self):
        from tests.example.exposed import hidden

        with pytest.raises(TypeError, match="Put @exposed under @task"):
            exposed(permission=None)(hidden)

    def test_queues_are_several(self):
        with pytest.raises(TypeError, match="list or tuple"):
            exposed(permission=None, queues="mail")
