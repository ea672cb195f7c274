"""What the brokers keep, and hand out to whom."""

import pickletools
import time
from datetime import timedelta

import pytest
from django.core.signing import b64_decode
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ

from taskyard.compat import task_backends
from taskyard.delivery import Delivery
from taskyard.ids import new_job_id
from taskyard.message import BadMessage, encode
from taskyard_adapters.django_q2.keys import LONGEST_KEY
from taskyard_adapters.django_q2.package import pack, unpack
from taskyard_adapters.django_q2.publisher import broker_of
from tests.adapters.django_q2.conftest import BACKEND
from tests.example import tasks
from tests.support.servers import wait_until
from tests.tasks.jobs import timed


@pytest.fixture
def carrier(engine):
    return broker_of(engine.backend)


def delivery(queue="default", priority=0):
    return Delivery(new_job_id(), "tests.example.tasks.leave", queue, priority, "under_test")


def jobs(packages):
    return [unpack(package.payload)["job"] for package in packages]


def all_of(carrier, queues):
    found = []
    while packages := carrier.dequeue(queues, 3):
        found += packages
    return found


def test_a_package_names_its_task_for_django_q2s_own_pages(transactional_db):
    sent = delivery()

    row = OrmQ(key="x", payload=pack(sent))

    assert (row.name(), row.func(), row.task_id()) == (sent.task, sent.task, sent.job_id.hex)
    assert unpack(row.payload) == encode(sent.job_id)


def test_unpacking_a_package_calls_nothing():
    pickled = b64_decode(pack(delivery()).split(":")[0].encode())

    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(pickled)}

    assert opcodes.isdisjoint({"GLOBAL", "STACK_GLOBAL", "INST", "REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX"})


def test_a_package_of_another_secret_key_is_not_unpickled(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Conf, "SECRET_KEY", "another site's")
        foreign = pack(delivery())

    with pytest.raises(BadMessage, match=r'same SECRET_KEY and Q_CLUSTER\["name"\]'):
        unpack(foreign)


def test_a_batch_is_one_insert(make_engine, transactional_db):
    engine = make_engine(BACKEND)
    with CaptureQueriesContext(connection) as queries:
        with transaction.atomic():
            for number in range(100):
                engine.on(tasks.leave).enqueue(str(number))
            assert OrmQ.objects.count() == 0

    inserts = [
        each["sql"] for each in queries if "INSERT INTO" in each["sql"] and "django_q_ormq" in each["sql"]
    ]
    assert len(inserts) == 1
    assert OrmQ.objects.count() == 100


def test_packages_come_most_urgent_first_and_else_in_the_order_they_were_sent(carrier):
    sent = [delivery(priority=priority) for priority in (0, 50, -100, 50, 100, 0)]
    carrier.enqueue(sent)

    found = jobs(all_of(carrier, ["default"]))

    assert found == [str(sent[place].job_id) for place in (4, 1, 3, 0, 5, 2)]


def test_only_the_queues_that_were_asked_for_are_fetched(carrier):
    sent = [delivery(queue) for queue in ("default", "mail", "reports")]
    carrier.enqueue(sent)

    assert sorted(jobs(all_of(carrier, ["default", "reports"]))) == [str(sent[0].job_id), str(sent[2].job_id)]
    assert all_of(carrier, []) == []
    assert carrier.queue_sizes(["default", "mail"]).get("mail") == 1


def test_what_is_put_back_is_handed_out_again(carrier):
    carrier.enqueue([delivery()])
    packages = carrier.dequeue(["default"], 1)
    assert not any(carrier.queue_sizes(["default"]).values())

    carrier.put_back(packages)

    assert carrier.queue_sizes(["default"]) == {"default": 1}
    assert jobs(carrier.dequeue(["default"], 1)) == jobs(packages)


def test_what_is_acknowledged_is_gone(carrier):
    carrier.enqueue([delivery(), delivery()])

    packages = all_of(carrier, ["default"])
    carrier.acknowledge(packages)

    assert len(packages) == 2
    assert OrmQ.objects.count() == 0
    assert all_of(carrier, ["default"]) == []


class TestLocks:
    """Rows in a worker's hands."""

    @pytest.fixture
    def broker(self):
        return "orm"

    def test_a_row_is_one_workers(self, carrier):
        carrier.enqueue([delivery()])

        assert len(carrier.dequeue(["default"], 5)) == 1
        assert carrier.dequeue(["default"], 5) == []

    def test_a_lock_that_has_lapsed_holds_nobody_off(self, carrier):
        carrier.enqueue([delivery()])
        [package] = carrier.dequeue(["default"], 1)
        OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))

        assert carrier.queue_sizes(["default"]) == {"default": 1}
        assert carrier.dequeue(["default"], 1) == [package]

    def test_a_lock_lasts_a_minute_by_the_databases_clock(self, carrier):
        carrier.enqueue([delivery()])

        with timed() as window:
            carrier.dequeue(["default"], 1)

        [lock] = OrmQ.objects.values_list("lock", flat=True)
        assert lock in window.later(60)

    def test_two_workers_share_the_rows_between_them(self, carrier, engine):
        sent = [delivery(priority=number % 3) for number in range(30)]
        carrier.enqueue(sent)
        workers = [carrier, broker_of(engine.backend)]

        fetched = [
            packages for _ in range(10) for worker in workers for packages in worker.dequeue(["default"], 2)
        ]

        urgent_first = sorted(sent, key=lambda each: -each.priority)
        assert jobs(fetched) == [str(each.job_id) for each in urgent_first]

    def test_a_more_urgent_newcomer_is_soon_noticed(self, carrier):
        from taskyard_adapters.django_q2.orm_broker import LOOK_SHARE

        carrier.enqueue([delivery() for _ in range(100)])
        begun_at = time.monotonic()
        carrier.dequeue(["default"], 1)
        ended_at = time.monotonic()
        urgent = delivery(priority=1)
        carrier.enqueue([urgent])

        until = ended_at + LOOK_SHARE * (ended_at - begun_at)
        wait_until(lambda: time.monotonic() >= until, "the look of the first fetch holds no longer", 120)

        assert jobs(carrier.dequeue(["default"], 1)) == [str(urgent.job_id)]

    def test_rows_of_clusters_are_neither_seen_nor_counted(self, carrier, engine):
        for key in ("site", "default", engine.backend.settings.PREFIX, f"{engine.backend.key_start}x"):
            OrmQ.objects.create(key=key, payload="theirs", lock=timezone.now() - timedelta(seconds=1))

        assert carrier.dequeue(["default", "site"], 5) == []
        assert carrier.queue_sizes(["default"]) == {}


def test_the_longest_key_is_what_the_table_takes():
    assert OrmQ._meta.get_field("key").max_length == LONGEST_KEY


def test_messages_wait_in_the_database_that_django_q2_is_told_else_where_routers_say(engine, monkeypatch):
    from taskyard_adapters.django_q2.orm_broker import OrmBroker

    assert OrmBroker("x")._database == "default"
    monkeypatch.setattr(Conf, "ORM", "elsewhere")
    assert OrmBroker("x")._database == "elsewhere"
    monkeypatch.setattr(Conf, "ORM", None)
    assert OrmBroker("x")._database == "default"


def test_each_thread_has_a_backend_and_all_share_a_client(make_engine):
    engine = make_engine(BACKEND, broker="redis", BROKER="redis")

    first, second = broker_of(engine.backend), broker_of(task_backends["under_test"])

    assert first._redis is second._redis
