"""Open pages hear what happens: a real server, real connections."""

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from taskyard.models import JOB_TABLE, Job
from taskyard.states import JobState
from taskyard_monitoring.live import stream
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job

NO_JOB = "0190b6f4-7c1e-7000-8000-000000000000"


class TestWhoMayListen:
    def test_nobody_unknown(self, site):
        page = site.open()

        assert (page.status, "view_console" in page.body()) == (403, True)

    def test_nobody_without_the_permission(self, site, stranger):
        assert site.open(cookie=stranger).status == 403

    def test_who_may_see_the_console(self, site, viewer):
        page = site.open(cookie=viewer)

        assert page.status == 200
        assert page.headers["content-type"] == "text/event-stream"
        assert page.headers["cache-control"] == "no-cache, no-transform"

    @pytest.mark.parametrize(
        ("query", "words"),
        [("jobs=7", "no job's id"), ("jobs=" + ",".join([NO_JOB] * 201), "200 jobs at most, not 201")],
    )
    def test_a_query_that_makes_no_sense(self, site, viewer, query, words):
        page = site.open(query, viewer)

        assert page.status == 400
        assert words in page.body()

    async def test_under_wsgi_it_says_what_to_do(self):
        answer = await stream(RequestFactory().get("/live/"))

        assert answer.status_code == 501
        assert "ASGI server" in answer.content.decode()


class TestNews:
    def test_a_job(self, site, viewer):
        job, other = add_job(), add_job()
        page = site.open(f"jobs={job.pk}", viewer)
        told = page.next("job")
        assert (told["id"], told["state"], told["is_finished"]) == (str(job.pk), "waiting", False)

        Job.objects.filter(pk=other.pk).update(state=JobState.FAILED)
        Job.objects.filter(pk=job.pk).update(
            state=JobState.RUNNING,
            worker="ada.1",
            attempt=1,
            last_attempted_at=timezone.now(),
            progress={"done": 3, "total": 9, "message": "rows"},
        )
        told = page.next("job", state="running")
        assert told["worker"] == "ada.1"
        assert "3 of 9 rows" in told["note"]

        Job.objects.filter(pk=job.pk).update(state=JobState.SUCCESSFUL, finished_at=timezone.now())
        assert page.next("job", state="successful")["is_finished"]

    def test_a_job_that_is_not_there_is_unknown(self, site, viewer):
        page = site.open(f"jobs={NO_JOB}", viewer)

        assert page.next("job") == {"id": NO_JOB, "state": "unknown", "is_finished": False}

    def test_the_newest(self, site, viewer):
        page = site.open(cookie=viewer)
        first = add_job()
        assert page.next("newest") == {"id": str(first.pk)}

        second = add_job()

        assert page.next("newest") == {"id": str(second.pk)}

    def test_a_region_comes_once_and_again_when_it_has_changed(self, serve, viewer):
        site = serve({})  # of its own: another would remember what the tests before had in the database
        page = site.open("regions=counts", viewer)
        before = page.next("region", name="counts")["html"]
        for _ in range(2):  # nothing of what the region shows has changed in between
            site.wait_for_ticks(1)
        add_job()  # waiting: those that have finished are counted seldom where that takes long

        assert before
        assert page.next("region", name="counts")["html"] != before

    def test_a_region_that_there_is_not_stops_no_other(self, site, viewer):
        page = site.open("regions=nonsense,counts", viewer)

        assert page.next("region")["name"] == "counts"

    def test_links_lead_to_where_the_site_is_served(self, serve, viewer):
        page = serve(None, "--root-path", "/behind/a/proxy").open("regions=counts", viewer)

        assert 'href="/behind/a/proxy/console/jobs/' in page.next("region")["html"]

    def test_a_quiet_stream_beats(self, site, viewer):
        page = site.open(cookie=viewer)

        assert page.next("") == "all is quiet"

    def test_a_stream_ends_some_day_and_the_browser_comes_back(self, serve, viewer):
        site = serve({"view.LONGEST": 1.0})
        page = site.open(cookie=viewer)

        assert {name for name, _ in page.events()} <= {"", "newest"}
        assert site.open(cookie=viewer).status == 200


class TestTrouble:
    @contextmanager
    def table_gone(self):
        quote = connection.ops.quote_name
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {quote(JOB_TABLE)} RENAME TO {quote('elsewhere')}")
            try:
                yield
            finally:
                cursor.execute(f"ALTER TABLE {quote('elsewhere')} RENAME TO {quote(JOB_TABLE)}")

    @contextmanager
    def database_gone(self):
        import psycopg

        settings = connection.settings_dict
        address = f"host={settings['HOST']} port={settings['PORT']} user={settings['USER']} dbname=template1"
        name = settings["NAME"]
        connection.close()
        with psycopg.connect(address, autocommit=True) as other:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            try:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                )
                yield
            finally:
                other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    @pytest.mark.parametrize("gone", ["table_gone", "database_gone"])
    def test_pages_are_told_and_go_on(self, site, viewer, gone):
        if gone == "database_gone" and connection.vendor != "postgresql":
            pytest.skip("Only PostgreSQL can be told to let nobody in.")
        first = add_job()
        pages = [site.open("regions=counts", viewer) for _ in range(3)]
        for page in pages:
            assert page.next("newest") == {"id": str(first.pk)}

        with getattr(self, gone)():
            for page in pages:
                assert page.next("trouble")["words"]
        second = add_job()

        for page in pages:
            assert page.next("trouble") == {"words": ""}
            assert page.next("newest") == {"id": str(second.pk)}


class TestCost:
    @pytest.mark.slow
    def test_a_hundred_pages_cost_the_database_what_one_does(self, site, viewer):
        jobs = [add_job() for _ in range(20)]
        watched = f"regions=counts,health&jobs={','.join(str(job.pk) for job in jobs)}"
        one = site.open(watched, viewer)
        one.next("newest")
        site.wait_for_ticks(4)
        before = site.cost()

        hundred = [site.open(watched, viewer) for _ in range(99)]
        for page in hundred:
            page.next("newest")
        site.wait_for_ticks(4)
        after = site.cost()

        assert after["listeners"] == 100
        for_one = max(before["statements"][:-1])
        for_hundred = max(after["statements"][before["ticks"] + 1 : -1])
        assert 0 < for_hundred < 1.5 * for_one  # some snapshots ask a question that others do not
        assert after["threads"] < before["threads"] + 15, "no thread stays with a page"

    def test_who_goes_away_leaves_nothing_behind(self, site, viewer):
        pages = [site.open("regions=counts", viewer) for _ in range(20)]
        for page in pages:
            page.next("region")
        assert site.cost()["listeners"] == 20

        for page in pages[1:]:
            page.close()
        wait_until(lambda: site.cost()["listeners"] == 1, "all but one are gone")
        pages[0].close()

        wait_until(lambda: not site.cost()["is_running"], "the watcher has ended")
        assert site.cost()["listeners"] == 0

    def test_nobody_looks_while_nobody_listens(self, site, viewer):
        wait_until(lambda: not site.cost()["is_running"], "the watcher has ended")
        for _ in range(2):
            page = site.open(cookie=viewer)
            site.wait_for_ticks(2)
            page.close()
            # Its thread has still to give its connection back then.
            wait_until(lambda: not site.cost()["has_thread"], "the watcher's thread has ended")
            assert not site.cost()["is_running"]

    @pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL tells who is connected")
    def test_a_page_holds_no_connection_to_the_database(self, site, viewer):
        def connected():
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
                return cursor.fetchone()[0]

        pages = [site.open(cookie=viewer) for _ in range(30)]
        add_job()
        for page in pages:
            page.next("newest")

        # This test's own, the watcher's and that of its ears; those of the requests are closed a moment later.
        wait_until(lambda: connected() <= 3, "no page holds one")
