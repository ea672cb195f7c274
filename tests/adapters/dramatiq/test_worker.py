"""Dramatiq's worker where its own habits could show."""

import threading
import time

import dramatiq
import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import q_name
from dramatiq.encoder import PickleEncoder
from dramatiq.message import get_encoder, set_encoder

from taskyard import enqueue_many
from taskyard.message import encode
from taskyard.testing.conformance import tasks
from taskyard_adapters.dramatiq.courier import NoAnswer
from taskyard_adapters.dramatiq.messages import queue_name
from taskyard_adapters.dramatiq.options import DramatiqOptions
from taskyard_adapters.dramatiq.publisher import waiting_by_queue
from taskyard_adapters.dramatiq.rabbitmq_broker import FAULTS, HEARTBEAT, connection_parameters
from taskyard_adapters.dramatiq.redis_broker import client
from tests.adapters import scenarios
from tests.support.servers import wait_until


class TestDeliveries(scenarios.Deliveries):
    pass


class TestJunk(scenarios.Junk):
    pass


class TestEnding(scenarios.Ending):
    pass


class TestBrokerFaults(scenarios.BrokerTrouble):
    pass


def site_broker(engine, **options):
    """Return a broker as a site would make it, on the same server."""
    settings = engine.backend.settings
    if not settings.is_rabbitmq:
        return RedisBroker(url=settings.BROKER_URL, **options)
    broker = RabbitmqBroker(url=settings.BROKER_URL, max_priority=10)
    broker.parameters = connection_parameters(settings)
    return broker


def test_what_we_write_is_what_dramatiq_itself_would_read(engine):
    result = engine.on(tasks.leave).enqueue("x")
    prefix = engine.backend.settings.PREFIX
    broker = site_broker(engine, namespace=f"{prefix}:dramatiq")
    queue = f"{prefix}_default" + ("" if engine.backend.settings.is_rabbitmq else ".p4")

    consumer = broker.consume(queue, timeout=100)
    message = wait_until(lambda: next(consumer), "it was read")
    consumer.ack(message)
    consumer.close()
    broker.close()

    assert (message.message_id, message.actor_name) == (result.id, "taskyard_run")
    assert (message.args, message.kwargs) == ((encode(result.id),), {})


@pytest.mark.parametrize("engine", ["redis"], indirect=True)
def test_no_keys_are_left_in_redis_once_the_jobs_are_done(engine):
    settings = engine.backend.settings
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(10)])

    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    left = client(settings.BROKER_URL, settings.BROKER_TIMEOUT).keys(f"{settings.PREFIX}*")
    assert left == [f"{settings.PREFIX}:dramatiq:__heartbeats__".encode()]


@pytest.fixture
def own_dramatiq(engine):
    """The site's own global broker and encoder; put back after the test."""
    before = dramatiq.broker.global_broker, get_encoder()
    broker = site_broker(engine, namespace=f"{engine.backend.settings.PREFIX}-site")
    dramatiq.set_broker(broker)
    set_encoder(PickleEncoder())
    yield broker
    broker.close()
    dramatiq.set_broker(before[0])
    set_encoder(before[1])


def test_the_sites_own_actors_go_on_beside_ours(engine, own_dramatiq):
    done = []
    called = threading.Event()

    @dramatiq.actor(queue_name=f"{engine.backend.settings.PREFIX}_site")
    def own_actor(line):
        done.append(line)
        called.set()

    engine.worker()
    own_actor.send("one")
    engine.on(tasks.leave).enqueue("ours")
    own_worker = dramatiq.Worker(own_dramatiq, worker_threads=1, worker_timeout=100)
    own_worker.start()
    assert called.wait(20)
    own_worker.stop()

    engine.finish()
    assert done == ["one"]
    assert engine.effects() == ["ours"]
    assert dramatiq.get_broker() is own_dramatiq
    assert own_dramatiq.get_declared_actors() == {"own_actor"}


@pytest.mark.parametrize(
    "name",
    ["default", "send_mail", "send.mail", "send mail", "send.20.mail", "e-mail", "Börse", "x.DQ", "x:y"],
)
def test_queue_names_are_such_as_dramatiq_allows(name):
    mapped = queue_name("taskyard", name)

    dramatiq.actor(broker=StubBroker(), queue_name=mapped)(lambda: None)  # raises where it does not
    assert q_name(mapped) == mapped, "it is not taken for a queue of delays"


def test_queue_names_are_never_the_same():
    names = ["send_mail", "send.mail", "send mail", "send.20.mail", "send.20_mail", "send.2e_mail"]

    assert len({queue_name("taskyard", name) for name in names}) == len(names)


def test_a_frozen_rabbitmq_is_not_waited_for_and_is_used_again_later(rabbitmq_server):
    options = DramatiqOptions(BROKER_URL=rabbitmq_server.address, PREFIX="frozen", BROKER_TIMEOUT=0.5)
    assert wait_until(lambda: depth_if_it_answers(options), "it answers") == {"default": 0}
    rabbitmq_server.freeze()
    try:
        begun_at = time.monotonic()
        with pytest.raises(NoAnswer, match=r"within 0\.5 s"):
            waiting_by_queue(options, ["default"])
        with pytest.raises(FAULTS):  # on a new connection pika itself may be the first to give up
            waiting_by_queue(options, ["default"])
        assert time.monotonic() - begun_at < HEARTBEAT / 2, "far sooner than pika notices by itself"
    finally:
        rabbitmq_server.thaw()

    assert wait_until(lambda: depth_if_it_answers(options), "it answers again") == {"default": 0}


def depth_if_it_answers(options):
    try:
        return waiting_by_queue(options, ["default"])
    except FAULTS:
        return None
