"""What is Celery's own: what its tools see, what its brokers and its pools do."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from taskyard import enqueue_many, get_result
from taskyard.message import encode
from taskyard.models import Job
from taskyard.testing.conformance import EngineUnderTest, tasks
from taskyard_adapters.celery.app import app_of
from taskyard_adapters.celery.connection import open_connection
from tests.adapters.celery.conftest import BACKEND, events_of, queue_of
from tests.adapters.scenarios import depth, ready
from tests.support.processes import environment
from tests.support.servers import wait_until


@pytest.fixture
def messages(engine, connection):
    """Take the waiting messages from the broker."""

    def take():
        found = []
        channel = connection.default_channel
        while message := channel.basic_get(queue_of(engine), no_ack=True):
            found.append(channel.message_to_python(message) if not hasattr(message, "headers") else message)
        return found

    return take


def test_a_message_holds_an_id_and_shows_celerys_tools_our_tasks_name(engine, messages):
    result = engine.on(tasks.leave).enqueue("secret argument")
    wait_until(lambda: depth(engine) == 1, "it has come")

    [message] = messages()

    assert json.loads(message.body) == [[encode(result.id)], {}, json.loads(message.body)[2]]
    assert message.content_type == "application/json"
    assert message.headers["task"] == "taskyard.run"
    assert message.headers["shadow"] == "taskyard.testing.conformance.tasks.leave"
    assert message.headers["id"] == result.id
    assert message.headers["ignore_result"] is True
    assert "secret" not in str(message.headers) + str(message.body)


def test_celerys_events_show_our_tasks_to_flower(engine, tool):
    ready(engine)
    with events_of(tool) as (events, wait_for):
        result = engine.on(tasks.leave).enqueue("x")
        wait_for(lambda: any(event["type"] == "task-succeeded" for event in events), "it ran")

    ours = [event for event in events if event["type"].startswith("task-")]
    assert [event["type"] for event in ours] == ["task-received", "task-started", "task-succeeded"]
    assert {event["uuid"] for event in ours} == {result.id}
    assert ours[0]["name"] == "taskyard.testing.conformance.tasks.leave"


def test_no_event_is_lost_between_threads(engine, tool):
    """Celery's threads add events while its loop sends those before them."""
    ready(engine)
    with events_of(tool) as (events, wait_for):
        enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(500)])
        wait_for(
            lambda: sum(event["type"] == "task-succeeded" for event in events) == 500, "all have ended", 90
        )

    kinds = Counter(event["type"] for event in events if event["type"].startswith("task-"))
    assert kinds == {"task-received": 500, "task-started": 500, "task-succeeded": 500}


def test_celerys_remote_control_reaches_our_worker(engine, tool):
    ready(engine)

    stats = wait_until(lambda: tool.control.inspect(timeout=2).stats(), "it answers")
    [(node, stat)] = [(node, stat) for node, stat in stats.items() if node.startswith("under_test.")]

    assert stat["pool"]["max-concurrency"] == 4
    registered = wait_until(lambda: tool.control.inspect([node], timeout=2).registered(), "it answers again")
    assert any(task.startswith("taskyard.run") for task in registered[node])


def test_a_task_that_celery_revokes_runs_all_the_same(engine, tool):
    """What is not to run is cancelled in the database; a worker's memory would swallow its every delivery."""
    ready(engine)
    blocker = engine.on(tasks.wait_for_test)
    enqueue_many(blocker, [(str(number),) for number in range(4)])
    wait_until(lambda: len(engine.effects()) == 4, "all slots are taken")
    result = engine.on(tasks.leave).enqueue("revoked")

    tool.control.revoke(result.id)
    revoked = wait_until(
        lambda: any((tool.control.inspect(timeout=2).revoked() or {}).values()), "the worker has heard of it"
    )

    assert revoked
    engine.go_on()
    engine.finish()
    assert get_result(result.id).status == "SUCCESSFUL"


def test_nothing_of_a_finished_job_stays_in_redis(make_engine, redis_server):
    import redis

    engine = make_engine(BACKEND, broker="redis")
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(10)])

    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    with redis.Redis.from_url(redis_server.address) as client:
        assert client.keys(f"*{engine.backend.settings.PREFIX}*") == []


def test_a_repeated_delivery_of_a_dead_workers_message_is_dropped(make_engine, redis_server):
    """Redis hands it out again long after the job is done."""
    import redis

    engine = make_engine(BACKEND, broker="redis")
    prefix = engine.backend.settings.PREFIX
    result = engine.on(tasks.wait_for_test).enqueue("x")
    victim = engine.worker()
    wait_until(engine.effects, "it runs")
    victim.kill()
    engine.go_on()
    with redis.Redis.from_url(redis_server.address) as client:
        [tag] = client.hkeys(f"{prefix}.unacked")
        client.zadd(f"{prefix}.unacked_index", {tag: 1})  # as if its time were up
        Job.objects.filter(pk=result.id).update(state="SUCCESSFUL", worker="")
        engine.worker()
        wait_until(
            lambda: depth(engine) == 0 and not client.exists(f"{prefix}.unacked"),
            "it was handed out and acknowledged",
            60,
        )

    assert engine.effects() == ["x started"]


def test_queues_that_settings_do_not_name_are_served_as_they_come(engine, change):
    change(engine, QUEUES=[], OPTIONS=dict(engine.backend.options))
    engine.on(tasks.leave, queue_name="early").enqueue("early")
    ready(engine)

    engine.on(tasks.leave, queue_name="late").enqueue("late")
    engine.on(tasks.leave).enqueue("default")

    engine.finish()
    assert sorted(engine.effects()) == ["default", "early", "late"]


def test_a_queue_that_somebody_deletes_is_declared_anew(make_engine):
    """RabbitMQ then cancels our consumer, which Celery takes for the end of its channel."""
    engine = make_engine(BACKEND, broker="rabbitmq")
    engine.on(tasks.leave).enqueue("before")
    worker = ready(engine)
    engine.finish()
    settings = engine.backend.settings
    with open_connection(app_of(settings), settings) as connection:
        connection.default_channel.queue_delete(queue_of(engine))
    worker.wait_for_log("answers again")

    engine.on(tasks.leave).enqueue("after")
    engine.prolong_leases()

    engine.finish()
    assert engine.effects() == ["before", "after"]


def test_the_solo_pool_runs_one_job_at_a_time(make_engine, broker):
    engine = make_engine(BACKEND, broker=broker, POOL="solo")
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(20)])
    engine.on(tasks.leave_async).enqueue("async")
    engine.on(tasks.run_over).enqueue()

    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    assert sorted(engine.effects()) == sorted([*map(str, range(20)), "async"])


def test_the_solo_pool_ends_in_order(make_engine, broker):
    engine = make_engine(BACKEND, broker=broker, POOL="solo")
    enqueue_many(engine.on(tasks.wait_for_test), [("first",), ("second",)])
    worker = engine.worker()
    wait_until(engine.effects, "one runs")

    worker.terminate()
    worker.wait_for_log("Waiting up to")
    engine.go_on()

    assert worker.ended() == 0, worker.log
    assert engine.effects() == ["first started", "first finished"]
    wait_until(lambda: depth(engine) == 1, "the other is in the queue")


def test_several_backends_each_have_workers_of_their_own(make_engine, add_backend, rabbitmq_server, tmp_path):
    """Whichever worker finds a job due, delivers it to the backend that it is for."""
    one = make_engine(BACKEND, broker="redis", POOL="prefork")
    options = {"BROKER_URL": rabbitmq_server.address, "PREFIX": one.backend.settings.PREFIX}
    add_backend("other", {"BACKEND": BACKEND, "OPTIONS": options})
    folder = tmp_path / "other"
    folder.mkdir()
    one.environment = environment(tmp_path)
    with EngineUnderTest("other", folder, environment(folder)).running() as other:
        ready(one)
        soon = timezone.now() + timedelta(seconds=1)
        other.on(tasks.leave, run_after=soon).enqueue("theirs")
        wait_until(lambda: depth(other) == 1, "the worker of the one has delivered it")

        ready(other)
        one.on(tasks.leave).enqueue("ours")
        one.finish()

        assert one.effects() == ["ours"]
        assert other.effects() == ["theirs"]
