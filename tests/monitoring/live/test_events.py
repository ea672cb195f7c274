"""Any page may listen to what its user may see, and take up where it stopped: a real server, real connections."""

import pytest
from django.test import RequestFactory
from django.utils import timezone

from taskyard.models import Job
from taskyard.ownership import owner_key
from taskyard.states import JobState
from taskyard_monitoring.live import view
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job

from .conftest import sign_up

NO_JOB = "0190b6f4-7c1e-7000-8000-000000000000"


@pytest.fixture
def ada(transactional_db):
    """Somebody with jobs of her own: who she is, and her cookie."""
    return sign_up("ada")


def job_of(user, state=JobState.READY, **columns):
    return add_job(state, owner=owner_key(user.pk), **columns)


def progress(job, done):
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING,
        worker="a-host.1",
        attempt=1,
        progress={"done": done, "total": 100, "message": "rows"},
    )


class TestWhoMayListen:
    def test_nobody_unknown(self, site):
        page = site.listen("all=1")

        assert (page.status, page.body()) == (403, "Sign in to listen to your jobs.")

    def test_who_has_signed_in(self, site, ada):
        page = site.listen("all=1", ada[1])

        assert page.status == 200
        assert page.headers["content-type"] == "text/event-stream"
        assert page.headers["cache-control"] == "no-cache, no-transform"
        assert page.headers["x-accel-buffering"] == "no"

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("jobs=7", "no job's id"),
            ("jobs=" + ",".join([NO_JOB] * 201), "200 jobs at most, not 201"),
            ("queues=" + ",".join("q" * n for n in range(1, 52)), "50 queues at most, not 51"),
        ],
    )
    def test_a_query_that_makes_no_sense(self, site, ada, query, words):
        page = site.listen(query, ada[1])

        assert page.status == 400
        assert words in page.body()

    async def test_under_wsgi_it_says_what_to_do(self):
        answer = await view.events(RequestFactory().get("/live/events/"))

        assert answer.status_code == 501

    def test_no_more_than_the_process_takes(self, serve, ada):
        site = serve({"watcher.MOST_LISTENERS": 2})
        pages = [site.listen("all=1", ada[1]) for _ in range(2)]
        site.wait_for_listeners(2)

        refused = site.listen("all=1", ada[1])

        assert (refused.status, refused.headers["retry-after"]) == (503, "2")
        pages[0].close()
        site.wait_for_listeners(1)
        assert site.listen("all=1", ada[1]).status == 200


class TestWhatIsTold:
    def test_ones_own_job_and_neither_worker_nor_error(self, site, ada):
        job = job_of(ada[0])
        page = site.listen(f"jobs={job.pk}", ada[1])
        assert page.next("job")["state"] == "waiting"

        progress(job, 7)
        told = page.next("job", state="running")
        assert told["progress"] == {"done": 7, "total": 100, "message": "rows"}
        assert (told["percent"], told["note"]) == (7, "7 of 100 rows")
        assert {"id", "task", "queue", "attempt", "is_finished"} <= told.keys()
        assert not {"worker", "args", "kwargs", "return_value", "metadata"} & told.keys()

        failure = {"outcome": "failed", "error": {"type": "E", "traceback": "E: secret-host"}}
        Job.objects.filter(pk=job.pk).update(
            state=JobState.FAILED, finished_at=timezone.now(), attempts=[failure]
        )
        told = page.next("job", state="failed")
        assert (told["note"], told["is_finished"]) == ("", True)

    def test_who_may_see_the_console_hears_the_error(self, site, viewer):
        job = add_job(JobState.FAILED)
        page = site.listen(f"jobs={job.pk}", viewer)

        assert page.next("job")["note"] == "ValueError: no luck"

    def test_somebody_elses_job_is_as_unknown_as_none(self, site, ada):
        theirs, ours = add_job(owner="somebody"), job_of(ada[0])
        page = site.listen(f"jobs={theirs.pk},{NO_JOB},{ours.pk}", ada[1])
        told = [page.next("job") for _ in range(3)]
        assert {each["id"]: each["state"] for each in told} == {
            str(theirs.pk): "unknown",
            NO_JOB: "unknown",
            str(ours.pk): "waiting",
        }

        progress(theirs, 1)
        progress(ours, 1)

        assert page.next("job")["id"] == str(ours.pk)

    def test_a_job_that_is_deleted_is_unknown_from_then_on(self, site, ada):
        job = job_of(ada[0], JobState.SUCCESSFUL)
        page = site.listen(f"jobs={job.pk}", ada[1])
        assert page.next("job")["state"] == "successful"

        Job.objects.filter(pk=job.pk).delete()

        assert page.next("job")["state"] == "unknown"

    def test_all_of_ones_own_from_their_beginning_to_their_end(self, site, ada):
        page = site.listen("all=1", ada[1])
        site.wait_for_ticks(1)

        add_job(owner="somebody")
        job = job_of(ada[0])
        assert page.next("job")["id"] == str(job.pk)
        progress(job, 5)
        assert page.next("job", state="running")["id"] == str(job.pk)
        Job.objects.filter(pk=job.pk).update(state=JobState.READY, due_at=timezone.now())
        assert page.next("job", attempt=1)["state"] in {"waiting", "retrying"}
        Job.objects.filter(pk=job.pk).update(state=JobState.SUCCESSFUL, finished_at=timezone.now())
        assert page.next("job", state="successful")["id"] == str(job.pk)

    def test_what_was_over_before_is_no_news(self, serve, viewer):
        site = serve()
        add_job(JobState.SUCCESSFUL, finished_at=timezone.now())
        page = site.listen("all=1", viewer)
        site.wait_for_listeners(1)
        second = add_job()  # before the first look, or right after it

        assert page.next("job")["id"] == str(second.pk)

    def test_a_queue(self, site, viewer):
        page = site.listen("queues=mail,reports", viewer)
        site.wait_for_ticks(1)
        add_job()
        mail = add_job(queue="mail")

        assert page.next("job")["id"] == str(mail.pk)

    def test_regions_are_for_those_who_may_see_the_console(self, site, ada):
        page = site.listen("regions=counts&all=1", ada[1])
        site.wait_for_ticks(2)
        job_of(ada[0])

        assert next(name for name, _ in page.events() if name) == "job"


class TestComingBack:
    def test_what_happened_meanwhile_is_told(self, site, viewer):
        page, stays = site.listen("all=1", viewer), site.listen("all=1", viewer)
        site.wait_for_listeners(2)
        site.wait_for_ticks(1)
        first = add_job()
        page.next("job", id=str(first.pk))
        page.close()

        second = add_job()
        stays.next("job", id=str(second.pk))
        again = site.listen("all=1", viewer, Last_Event_ID=page.last_id)

        told = again.next("job")
        assert told["id"] == str(second.pk)

    def test_nobody_else_need_have_stayed(self, site, viewer):
        page = site.listen("all=1", viewer)
        site.wait_for_ticks(1)
        page.next("job", id=str(add_job().pk))
        page.close()
        site.wait_for_listeners(0)

        second = add_job()
        again = site.listen("all=1", viewer, Last_Event_ID=page.last_id)

        assert again.next("job", id=str(second.pk))

    def test_a_heartbeat_says_where_we_are(self, site, viewer):
        page = site.listen("all=1", viewer)
        site.wait_for_ticks(2)  # so what the first look found has been told
        position = site.cost()["position"]
        wait_until(lambda: page.next("") and page.last_id == position, "a heartbeat says it")
        page.close()

        again = site.listen("all=1", viewer, Last_Event_ID=page.last_id)

        site.wait_for_ticks(2)
        job = add_job()
        assert next(name for name, _ in again.events() if name) == "job"
        assert job

    def test_what_is_somebody_elses_is_not_told_afterwards_either(self, site, ada, viewer):
        page, stays = site.listen("all=1", ada[1]), site.listen("all=1", viewer)
        site.wait_for_listeners(2)
        site.wait_for_ticks(1)
        page.next("job", id=str(job_of(ada[0]).pk))
        page.close()
        theirs = add_job(owner="somebody")
        stays.next("job", id=str(theirs.pk))

        again = site.listen("all=1", ada[1], Last_Event_ID=page.last_id)
        site.wait_for_ticks(1)
        ours = job_of(ada[0])

        assert again.next("job")["id"] == str(ours.pk)

    @pytest.mark.parametrize(
        "last_id",
        ["nonsense", "0", "-", "abc-1", "-1", "²", "{epoch}-99999", "{epoch}-²", "{epoch}-" + "9" * 500],
    )
    def test_an_id_that_means_nothing(self, site, ada, last_id):
        job = job_of(ada[0])
        page = site.listen(f"jobs={job.pk}", ada[1])
        page.next("job")
        epoch = page.last_id.partition("-")[0]
        page.close()

        again = site.listen(f"jobs={job.pk}", ada[1], Last_Event_ID=last_id.format(epoch=epoch))

        assert "Read anew" in again.next("missed")["words"]
        assert again.next("job")["id"] == str(job.pk)

    def test_who_comes_back_too_late(self, serve, viewer):
        site = serve({"reporter.MEMORY": 2.5})
        page = site.listen("all=1", viewer)
        site.wait_for_ticks(1)
        page.next("job", id=str(add_job().pk))
        page.close()
        site.wait_for_listeners(0)
        listening = site.listen(f"jobs={NO_JOB}", viewer)
        listening.next("job")
        site.wait_for_ticks(4)

        again = site.listen("all=1", viewer, Last_Event_ID=page.last_id)

        assert again.next("missed")

    def test_more_than_a_look_takes_in(self, serve, viewer):
        site = serve({"looking.MOST": 5})
        page = site.listen("all=1", viewer)
        site.wait_for_ticks(1)
        for _ in range(8):
            add_job()

        assert page.next("missed")
