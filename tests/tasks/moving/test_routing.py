"""The routing backend: which job goes where, that it keeps Django's contract, and what it refuses."""

from uuid import UUID

import django
import pytest
from django.core.management import CommandError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from taskyard import aenqueue_many, enqueue_many, enqueue_on, task_backends, task_enqueued
from taskyard.breaker import breaker_for
from taskyard.compat import InvalidTask, InvalidTaskBackend
from taskyard.ids import new_job_id
from taskyard.models import Job
from taskyard.routing import RoutingBackend
from taskyard.schedules.control import run_now
from taskyard.testing import drain
from tests.example.backends import RecordingBackend
from tests.example.tasks import add, add_async, nothing
from tests.tasks.operations.tasks import once
from tests.tasks.schedules.rows import add_schedule
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db

HALF = [{"percent": 50, "to": "leased"}]
REPORTS = [{"queue": "reports", "to": "leased"}]


@pytest.fixture
def route(add_backend):
    """Add a router as "routed": `route([{…}, …])`; what no route takes goes to "default"."""

    def add_router(routes, otherwise="default", **parameters):
        options = {"ROUTES": routes, "ELSE": otherwise}
        add_backend(
            "routed", {"BACKEND": "taskyard.routing.RoutingBackend", "OPTIONS": options, **parameters}
        )
        return task_backends["routed"]

    return add_router


def on_router(task, **options):
    return task.using(backend="routed", **options)


def share(router, queue="default", number=4000):
    """Return which share of jobs goes to "leased"."""
    return sum(router.target(queue, new_job_id()) == "leased" for _ in range(number)) / number


# --- which way ---


@pytest.mark.django_db(transaction=True)
def test_a_queue_goes_one_way_and_the_others_the_other(route):
    route(REPORTS)

    report = on_router(nothing, queue_name="reports").enqueue()
    mail = on_router(nothing, queue_name="mail").enqueue()

    assert (report.backend, mail.backend) == ("leased", "default")
    assert [each.job_id for batch in RecordingBackend.delivered for each in batch] == [UUID(report.id)]
    assert Job.objects.get(pk=report.id).due_at is not None, "a delivery with a lease"
    assert Job.objects.get(pk=mail.id).due_at is None


@pytest.mark.parametrize(
    ("routes", "queue", "expected"),
    [
        ([{"percent": 10, "to": "leased"}], "default", 0.1),
        ([{"percent": 100, "to": "leased"}], "default", 1),
        ([{"percent": 30, "to": "default"}, {"percent": 20, "to": "leased"}], "mail", 0.2),
        ([{"queue": "mail", "percent": 25, "to": "leased"}], "mail", 0.25),
        ([{"queue": "mail", "percent": 25, "to": "leased"}], "reports", 0),
        ([{"queue": "mail", "to": "default"}, {"percent": 40, "to": "leased"}], "mail", 0),
        ([{"queue": "mail", "percent": 25, "to": "leased"}, {"percent": 50, "to": "leased"}], "mail", 0.75),
    ],
)
def test_percentages_are_of_all_jobs_that_come_by(route, routes, queue, expected):
    assert share(route(routes), queue) == pytest.approx(expected, abs=0.05 if 0 < expected < 1 else 0)


def test_the_way_of_a_job_depends_on_its_id_alone(route):
    router = route(HALF)
    jobs = [on_router(nothing).enqueue() for _ in range(20)]

    assert {job.backend for job in jobs} == {"default", "leased"}
    assert [job.backend for job in jobs] == [router.target("default", UUID(job.id)) for job in jobs]


def test_more_percent_take_no_job_back(route):
    ids = [new_job_id() for _ in range(500)]
    few = {each for each in ids if route([{"percent": 10, "to": "leased"}]).target("mail", each) == "leased"}
    many = {each for each in ids if route([{"percent": 60, "to": "leased"}]).target("mail", each) == "leased"}

    assert few < many


# --- Django's contract ---


def test_it_can_all_that_the_backends_can(route):
    router = route(HALF)

    assert router.supports_defer
    assert router.supports_async_task
    assert router.supports_get_result
    assert router.supports_priority


def test_results_are_found_by_whichever_backend_is_asked(route):
    route(HALF)
    results = [on_router(add).enqueue(number, 1) for number in range(8)]
    assert {result.backend for result in results} == {"default", "leased"}

    drain()

    for number, result in enumerate(results):
        for alias in ("routed", "default", "leased"):
            assert task_backends[alias].get_result(result.id).return_value == number + 1
        assert on_router(add).get_result(result.id).return_value == number + 1
        result.refresh()
        assert result.return_value == number + 1


async def aenqueue_eight():
    return [*await aenqueue_many(on_router(add_async), [(number, 2) for number in range(8)])]


@pytest.mark.django_db(transaction=True)
async def test_async_enqueueing_goes_the_same_ways(route):
    route(HALF)

    one = await on_router(add_async).aenqueue(1, 2)
    many = await aenqueue_eight()

    results = [one, *many]
    assert [result.args for result in many] == [[number, 2] for number in range(8)]
    delivered = {str(each.job_id) for batch in RecordingBackend.delivered for each in batch}
    assert delivered == {result.id for result in results if result.backend == "leased"}
    assert (await task_backends["routed"].aget_result(one.id)).id == one.id


def test_many_are_one_insert_and_one_delivery_each_way_in_the_order_of_the_calls(
    route, django_capture_on_commit_callbacks
):
    route(HALF)

    with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks(execute=True):
        results = enqueue_many(on_router(add), [(number, 0) for number in range(50)])

    assert [result.args[0] for result in results] == list(range(50))
    assert {result.backend for result in results} == {"default", "leased"}
    [batch] = RecordingBackend.delivered
    assert {str(each.job_id) for each in batch} == {each.id for each in results if each.backend == "leased"}
    assert sum("INSERT" in query["sql"] for query in queries) == 1


def test_a_transaction_that_is_rolled_back_takes_the_jobs_of_both_ways_along(route):
    route(HALF)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue_many(on_router(add), [(number, 0) for number in range(10)])
        raise ZeroDivisionError

    assert not Job.objects.exists()
    assert RecordingBackend.delivered == []


def test_a_dead_broker_on_one_way_leaves_the_other_alone(route):
    route(HALF)
    breaker_for("leased").trip()

    results = enqueue_many(on_router(nothing), [()] * 20)

    assert RecordingBackend.delivered == []
    for job in Job.objects.filter(pk__in=[result.id for result in results]):
        assert (job.delivered_at is None) == (job.backend == "leased")


def test_who_listens_is_told_of_the_backend_that_has_the_job(route):
    route(HALF)
    told = []

    def listen(sender, task_result, **_):
        told.append((sender, task_result.backend, task_result.task.backend))

    task_enqueued.connect(listen)
    try:
        enqueue_many(on_router(nothing), [()] * 20)
    finally:
        task_enqueued.disconnect(listen)

    classes = {alias: type(task_backends[alias]) for alias in ("default", "leased")}
    assert set(told) == {(classes[alias], alias, alias) for alias in classes}


# --- unique jobs ---


def test_unique_jobs_are_unique_across_both(route):
    route(HALF)

    first = on_router(once).enqueue(1)
    others = [on_router(once).enqueue(1) for _ in range(10)]
    direct = [once.using(backend=alias).enqueue(1) for alias in ("default", "leased")]

    assert {other.id for other in [*others, *direct]} == {first.id}
    assert all(other.is_duplicate for other in [*others, *direct])


@pytest.mark.django_db(transaction=True)
def test_of_many_callers_at_the_same_instant_one_makes_each_unique_job(route):
    route(HALF)

    def enqueue_all():
        return [result.id for result in enqueue_many(on_router(once), [(number,) for number in range(20)])]

    first, second, third = at_once(enqueue_all, enqueue_all, enqueue_all)

    assert first == second == third
    assert Job.objects.count() == 20
    assert set(Job.objects.values_list("backend", flat=True)) == {"default", "leased"}


# --- what else enqueues ---


def test_a_schedule_may_name_it(route):
    route(REPORTS)
    add_schedule(name="nightly", backend="routed", queue="reports")

    assert run_now("nightly").backend == "leased"


def test_a_signal_may_be_bound_to_a_task_on_it(route):
    from django.dispatch import Signal

    route(REPORTS)
    changed = Signal()
    enqueue_on(changed)(on_router(nothing, queue_name="reports"))

    changed.send(sender=None)

    assert Job.objects.get().backend == "leased"


# --- what is refused ---


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ROUTES": []}, "ELSE is missing"),
        ({"ROUTES": [], "ELSE": 3}, "ELSE is missing"),
        ({"ROUTES": {}, "ELSE": "default"}, "ROUTES must be a list"),
        ({"ELSE": "default", "PERCENT": 3}, "unknown keys: PERCENT"),
        ({"ROUTES": ["arq"], "ELSE": "default"}, "'arq': give"),
        ({"ROUTES": [{"to": "leased"}], "ELSE": "default"}, 'say which jobs: a "queue", a "percent"'),
        ({"ROUTES": [{"queue": "mail"}], "ELSE": "default"}, '"to" must be an alias'),
        ({"ROUTES": [{"queue": 3, "to": "leased"}], "ELSE": "default"}, '"queue" must be the name'),
        ({"ROUTES": [{"percent": 0, "to": "leased"}], "ELSE": "default"}, "a number above 0, up to 100"),
        ({"ROUTES": [{"percent": 101, "to": "leased"}], "ELSE": "default"}, "a number above 0, up to 100"),
        ({"ROUTES": [{"percent": True, "to": "leased"}], "ELSE": "default"}, "a number above 0, up to 100"),
        ({"ROUTES": [{"task": "x", "to": "leased"}], "ELSE": "default"}, "give"),
        (
            {
                "ROUTES": [{"percent": 60, "to": "leased"}, {"percent": 50, "to": "default"}],
                "ELSE": "default",
            },
            "ROUTES give away 110 percent of all jobs",
        ),
        (
            {
                "ROUTES": [
                    {"percent": 60, "to": "leased"},
                    {"queue": "mail", "percent": 50, "to": "default"},
                ],
                "ELSE": "default",
            },
            "ROUTES give away 110 percent of the jobs of queue 'mail'",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(options, why):
    with pytest.raises(InvalidTaskBackend, match=r"TASKS\['routed'\]\['OPTIONS'\]: ") as refusal:
        RoutingBackend("routed", {"OPTIONS": options})

    assert why in str(refusal.value)


def test_percentages_of_different_queues_do_not_meet():
    routes = [{"queue": queue, "percent": 60, "to": "leased"} for queue in ("mail", "reports")]

    RoutingBackend("routed", {"OPTIONS": {"ROUTES": routes, "ELSE": "default"}})


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("nowhere", "sends jobs to 'nowhere', and that cannot be had"),
        ("routed", "sends jobs to 'routed', which sends them on itself. Name backends that have an engine"),
        ("dummy", "sends jobs to 'dummy', which is none of Taskyard's backends"),
    ],
)
def test_a_way_that_leads_nowhere_is_told_by_the_checks_and_to_whoever_enqueues(
    route, add_backend, settings, to, why
):
    dummy = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
    add_backend("dummy", {"BACKEND": f"{dummy}.backends.dummy.DummyBackend"})
    router = route([{"queue": "mail", "to": to}])

    [fault] = router.check()

    assert fault.id == "taskyard.E003"
    assert why in fault.msg
    with pytest.raises(InvalidTaskBackend, match=to):
        on_router(nothing, queue_name="mail")
    assert on_router(nothing, queue_name="reports").enqueue().backend == "default"


def test_a_queue_that_its_backend_does_not_have_is_told_by_the_checks(route):
    [fault] = route([{"queue": "exports", "to": "leased"}]).check()

    assert fault.id == "taskyard.E004"
    assert "jobs of queue 'exports' to 'leased', which has no such queue" in fault.msg


def test_good_routes_pass_the_checks(route):
    assert route([*REPORTS, *HALF]).check() == []


def test_a_task_that_one_of_the_backends_refuses_is_refused_naming_it(route, add_backend):
    add_backend("small", {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend", "QUEUES": ["default"]})
    route([{"percent": 1, "to": "small"}])

    with pytest.raises(
        InvalidTask, match=r"'routed' may send this task to 'small', which refuses it: .*mail"
    ):
        on_router(nothing, queue_name="mail")


def test_queues_may_be_narrowed_on_the_router_itself(route):
    route(REPORTS, QUEUES=["reports"])

    with pytest.raises(InvalidTask, match="mail"):
        on_router(nothing, queue_name="mail")


def test_it_has_no_worker_and_says_whose_to_start(route, manage):
    route(REPORTS)

    with pytest.raises(CommandError, match=r"sends jobs to leased, default\. Start workers for those"):
        manage("worker", "--backend", "routed")
