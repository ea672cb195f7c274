"""Reading, listing and steering jobs through the API."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.models import AuditEntry, Job
from taskyard.states import JobState
from taskyard.unique import UNFINISHED_KEY
from tests.example.tasks import only_one, sign_in
from tests.monitoring.api.conftest import Caller, problem
from tests.tasks.jobs import FAILURE, add_job, fresh

pytestmark = pytest.mark.django_db


def ids(response):
    """Return the ids of the jobs on a page."""
    assert response.status_code == 200, response.content
    return [each["id"] for each in response.json()["jobs"]]


class TestReading:
    def test_people_read_their_own_and_no_more(self, ada, bob, viewer):
        job = add_job(JobState.SUCCESSFUL, owner=ada.owner, return_value=[7])

        assert ada.get(f"jobs/{job.pk}").json()["return_value"] == [7]
        assert viewer.get(f"jobs/{job.pk}").json()["owner"] == ada.owner

        others, unknown = bob.get(f"jobs/{job.pk}"), bob.get(f"jobs/{uuid4()}")
        problem(others, 404, "unknown-job")
        problem(unknown, 404, "unknown-job")
        assert without_ids(others) == without_ids(unknown)

    def test_what_nobody_enqueued_is_for_viewers(self, ada, viewer):
        job = add_job()

        problem(ada.get(f"jobs/{job.pk}"), 404, "unknown-job")
        assert viewer.get(f"jobs/{job.pk}").status_code == 200

    def test_what_tells_of_the_insides_is_for_viewers(self, ada, viewer):
        job = add_job(JobState.FAILED, owner=ada.owner, metadata={"request_id": "r1", "tags": ["eu"]})

        inside, outside = (each.get(f"jobs/{job.pk}").json() for each in (viewer, ada))

        assert inside["note"] == "ValueError: no luck"
        assert inside["metadata"] == {"request_id": "r1", "tags": ["eu"]}
        assert (inside["backend"], inside["worker"]) == ("default", "ada")
        assert inside["attempts"][0]["traceback"] == FAILURE["error"]["traceback"]
        assert outside["note"] == ""
        for name in ("metadata", "backend", "worker", "unique_key"):
            assert outside[name] is None
        assert outside["tags"] == ["eu"]
        [attempt] = outside["attempts"]
        assert (attempt["error"], attempt["traceback"], attempt["worker"]) == (
            "builtins.ValueError",
            None,
            None,
        )

    def test_secrets_are_masked(self, ada):
        job = add_job(
            JobState.SUCCESSFUL,
            task=sign_in.module_path,
            args=["eve", "hunter2"],
            owner=ada.owner,
            return_value={"session_id": "hunter2"},
        )

        assert "hunter2" not in ada.get(f"jobs/{job.pk}").content.decode()

    def test_rows_that_others_wrote_are_answered(self, ada):
        job = add_job(
            JobState.FAILED,
            owner=ada.owner,
            progress=[1],
            metadata=7,
            return_value={"a": 1},
            attempts=[{"attempt": "one", "started_at": 3, "error": "x"}, 7],
        )

        answer = ada.get(f"jobs/{job.pk}").json()

        assert answer["progress"] is None
        assert answer["attempts"][0]["attempt"] is None

    @pytest.mark.parametrize("job_id", ["7", "nonsense", "a" * 500, "%00"])
    def test_what_is_no_id_is_told(self, ada, job_id):
        told = problem(ada.get(f"jobs/{job_id}"), 422, "invalid-request")

        assert told["errors"][0]["where"] == "path.job_id"

    def test_what_is_known_is_not_sent_again(self, ada):
        job = add_job(JobState.SUCCESSFUL, owner=ada.owner)
        first = ada.get(f"jobs/{job.pk}")
        assert first["Cache-Control"] == "private, no-cache"

        again = ada.get(f"jobs/{job.pk}", headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

        Job.objects.update(return_value="another")
        assert ada.get(f"jobs/{job.pk}", headers={"If-None-Match": first["ETag"]}).status_code == 200


def without_ids(response):
    """Return a problem's words, whatever id they name."""
    told = response.json()
    return {**told, "detail": told["detail"].replace(response.wsgi_request.path.rpartition("/")[2], "")}


class TestListing:
    def test_people_list_their_own_and_viewers_all(self, ada, bob, viewer):
        mine, other, nobodys = add_job(owner=ada.owner), add_job(owner=bob.owner), add_job()

        assert ids(ada.get("jobs/")) == [str(mine.pk)]
        assert ids(viewer.get("jobs/")) == [str(job.pk) for job in (nobodys, other, mine)]
        assert ids(viewer.get("jobs/", {"owner": bob.owner})) == [str(other.pk)]

    @pytest.mark.parametrize("words", ["owner={bob}", "q=owner:{bob}", "q={job}"])
    def test_nobody_lists_somebody_elses(self, ada, bob, words):
        job = add_job(owner=bob.owner)
        add_job(owner=ada.owner)

        assert ids(ada.get(f"jobs/?{words.format(bob=bob.owner, job=job.pk)}")) == []

    def test_a_rule_of_the_sites_own_holds(self, ada, bob, settings):
        settings.TASKYARD_MONITORING = {"JOB_SCOPE": "tests.monitoring.api.test_jobs.jobs_of_bob"}
        job, _ = add_job(owner=bob.owner), add_job(owner=ada.owner)

        assert ids(ada.get("jobs/")) == [str(job.pk)]
        assert ada.get(f"jobs/{job.pk}").status_code == 200

    def test_filters_narrow_it(self, viewer):
        failed = add_job(JobState.FAILED, queue="mail", metadata={"tags": ["eu"]}, kwargs={"order": 42})
        add_job(JobState.FAILED), add_job(queue="mail"), add_job(JobState.RUNNING, metadata={"tags": ["eu"]})

        for words in (
            "state=failed&queue=mail",
            "state=failed&tag=eu",
            "q=state:failed queue:mail",
            "q=args.order:42&task=nothing",
            "q=queue:mail&state=failed",
        ):
            assert ids(viewer.get(f"jobs/?{words}")) == [str(failed.pk)], words
        assert ids(viewer.get("jobs/?since=2h")) == []
        assert len(ids(viewer.get("jobs/?since=2026-01-01"))) == 4
        assert ids(viewer.get("jobs/?task=sign_in")) == []

    def test_pages_follow_each_other_to_the_end(self, ada, bob):
        mine = [add_job(owner=ada.owner) for _ in range(7)]
        add_job(owner=bob.owner)
        seen, cursor = [], None

        for size in (3, 3, 1):
            page = ada.get("jobs/", {"limit": 3, **({"cursor": cursor} if cursor else {})})
            assert len(ids(page)) == size
            seen += ids(page)
            cursor = page.json()["next"]

        assert cursor is None
        assert seen == [str(job.pk) for job in reversed(mine)]

    def test_a_cursor_stays_while_jobs_come_in(self, ada):
        old = [add_job(owner=ada.owner) for _ in range(4)]
        cursor = ada.get("jobs/?limit=2").json()["next"]
        add_job(owner=ada.owner)

        assert ids(ada.get(f"jobs/?limit=2&cursor={cursor}")) == [str(old[1].pk), str(old[0].pk)]

    BAD = {
        "limit=0": "query.limit",
        "limit=101": "query.limit",
        "limit=many": "query.limit",
        "cursor=nonsense": "query.cursor",
        "cursor=é": "query.cursor",
        "cursor=AAAAAAAAAAAAAAAAAAAAAB": "query.cursor",
        "cursor=" + "A" * 41: "query.cursor",
        "state=lost": "query.state",
        "since=soon": "query.since",
        "since=99999999999w": "query.since",
        "tag=%20x": "query.tag",
        "queue=a%00b": "query.queue",
        "q='open": "query.q",
        "q=size:7": "query.q",
        "q=args.password:x": "query.q",
        "q=" + "x" * 501: "query.q",
    }

    @pytest.mark.parametrize("words", BAD)
    def test_what_cannot_be_read_is_told(self, ada, words):
        told = problem(ada.get(f"jobs/?{words}"), 422, "invalid-request")

        assert [fault["where"] for fault in told["errors"]] == [self.BAD[words]]

    @pytest.mark.parametrize("many", [1, 40])
    def test_a_page_takes_few_statements_however_long(self, ada, viewer, many):
        for _ in range(many):
            add_job(JobState.FAILED, owner=ada.owner)

        for caller, words in ((ada, ""), (viewer, "state=failed"), (ada, "tag=eu")):
            caller.get("jobs/")  # the first use of a token is noted
            with CaptureQueriesContext(connection) as queries:
                assert caller.get(f"jobs/?{words}&limit=100").status_code == 200
            assert len(queries) <= 6, [each["sql"] for each in queries]


def jobs_of_bob(user):
    """Let everybody see Bob's jobs."""
    from django.contrib.auth.models import User

    from taskyard_monitoring.scope import Scope

    return Scope.of_users(User.objects.get(username="bob").pk)


class TestCancelling:
    def test_people_cancel_their_own(self, ada):
        waiting, running = add_job(owner=ada.owner), add_job(JobState.RUNNING, owner=ada.owner)

        answer = ada.post(f"jobs/{waiting.pk}/cancel", {"reason": "not needed"})
        assert answer.status_code == 200, answer.content
        assert (answer.json()["done"], answer.json()["job"]["state"]) == (True, "CANCELLED")
        assert fresh(waiting).state == JobState.CANCELLED

        assert ada.post(f"jobs/{running.pk}/cancel").json()["job"]["shown_state"] == "cancelling"
        assert fresh(running).cancel_requested_at is not None

        entries = AuditEntry.objects.order_by("pk").values_list(
            "user", "source", "action", "subject", "reason"
        )
        assert list(entries) == [
            ("ada", "api", "cancel", f"job {waiting.pk} of tests.example.tasks.nothing", "not needed"),
            ("ada", "api", "cancel", f"job {running.pk} of tests.example.tasks.nothing", ""),
        ]

    def test_once_is_enough(self, ada):
        job = add_job(owner=ada.owner)
        ada.post(f"jobs/{job.pk}/cancel")

        assert ada.post(f"jobs/{job.pk}/cancel").json()["done"] is False
        assert AuditEntry.objects.count() == 1

    @pytest.mark.parametrize("state", [JobState.SUCCESSFUL, JobState.FAILED])
    def test_what_is_finished_stays(self, ada, state):
        job = add_job(state, owner=ada.owner)

        problem(ada.post(f"jobs/{job.pk}/cancel"), 409, "finished")

    def test_others_jobs_are_for_operators(self, ada, bob, viewer, operator):
        job = add_job(owner=ada.owner)

        problem(bob.post(f"jobs/{job.pk}/cancel"), 404, "unknown-job")
        told = problem(viewer.post(f"jobs/{job.pk}/cancel"), 403, "not-permitted")
        assert "taskyard_monitoring.operate_console" in told["detail"]
        assert fresh(job).state == JobState.READY
        assert operator.post(f"jobs/{job.pk}/cancel").json()["done"]

    @pytest.mark.parametrize(
        "body",
        ['{"reason": 7}', '{"reason": "\\ud800"}', '{"why": "x"}', "[]", '{"reason": "\\u0000"}', '""'],
    )
    def test_a_reason_is_a_short_text(self, ada, body):
        job = add_job(owner=ada.owner)

        problem(ada.post(f"jobs/{job.pk}/cancel", body), 422, "invalid-request")
        assert fresh(job).state == JobState.READY


class TestRetrying:
    def test_operators_retry(self, operator, ada):
        job = add_job(JobState.FAILED, owner=ada.owner)

        answer = operator.post(f"jobs/{job.pk}/retry", {"reason": "fixed"})

        assert answer.json()["job"]["state"] == "READY", answer.content
        assert AuditEntry.objects.get().action == "retry"

    def test_owners_do_not(self, ada):
        job = add_job(JobState.FAILED, owner=ada.owner)

        problem(ada.post(f"jobs/{job.pk}/retry"), 403, "not-permitted")
        assert fresh(job).state == JobState.FAILED

    def test_what_is_not_finished_is_left_alone(self, operator):
        problem(operator.post(f"jobs/{add_job().pk}/retry"), 409, "not-finished")

    def test_another_may_have_its_unique_key(self, operator):
        finished = add_job(JobState.FAILED, task=only_one.module_path, args=[1])
        only_one.enqueue(2)

        told = problem(operator.post(f"jobs/{finished.pk}/retry"), 409, "unique")

        assert UNFINISHED_KEY not in told["detail"]


def test_times_are_told_in_utc(ada):
    job = add_job(owner=ada.owner)

    assert ada.get(f"jobs/{job.pk}").json()["enqueued_at"] == "2026-01-05T08:00:00Z"


@pytest.mark.skipif(connection.vendor == "mysql", reason="MySQL's session is not in the site's time zone")
def test_times_are_told_in_utc_where_the_sites_own_are_naive(settings):
    settings.USE_TZ = False
    ada = Caller("ada")
    job = add_job(owner=ada.owner, enqueued_at=datetime(2026, 1, 5, 9), delivered_at=None, due_at=None)

    assert ada.get(f"jobs/{job.pk}").json()["enqueued_at"] == "2026-01-05T08:00:00Z"
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    answer = ada.enqueue("anything", value=1, run_after=later.isoformat())
    assert answer.status_code == 201, answer.content
    read = ada.get(f"jobs/{answer.json()['id']}").json()
    assert datetime.fromisoformat(read["run_after"]) == later
    assert len(ids(ada.get("jobs/?since=1h"))) == 1
