"""Every engine's worker does what operators ask through the register."""

import pytest

from taskyard.models import Job
from taskyard.testing.conformance import tasks
from taskyard_workers import fleet
from taskyard_workers.models import WorkerProcess
from tests.support.servers import wait_until

pytestmark = pytest.mark.slow

CELERY = "taskyard_adapters.celery.CeleryBackend"

ENGINES = {
    "celery threads": (CELERY, "redis", {"POOL": "threads"}),
    "celery prefork": (CELERY, "redis", {"POOL": "prefork"}),
    "celery over rabbitmq": (CELERY, "rabbitmq", {"POOL": "threads"}),
    "dramatiq": ("taskyard_adapters.dramatiq.DramatiqBackend", "redis", {}),
    "arq": ("taskyard_adapters.arq.ArqBackend", "redis", {}),
    "django-q2": ("taskyard_adapters.django_q2.DjangoQ2Backend", None, {}),
}


@pytest.fixture(params=ENGINES)
def engine(request, make_engine):
    backend, broker, options = ENGINES[request.param]
    return make_engine(backend, broker=broker, **options)


def ids():
    return list(WorkerProcess.objects.filter(lost_at=None).values_list("id", flat=True))


def test_quiet_wake_and_stop(engine):
    worker = engine.worker("--concurrency", "2")
    engine.on(tasks.leave).enqueue("before")
    wait_until(lambda: engine.effects() == ["before"], "the worker works", 60)
    everyone = ids()

    assert fleet.quiet(everyone) == len(everyone)
    wait_until(lambda: worker.log.count("claims no more jobs") == len(everyone), "all are quiet")
    for number in range(5):
        engine.on(tasks.leave).enqueue(f"meanwhile {number}")
    other = engine.worker("--concurrency", "2", "--name", "other")

    engine.finish(90)
    assert len(engine.effects()) == 6
    assert not set(Job.objects.exclude(args=["before"]).values_list("worker", flat=True)) & set(everyone)
    other.terminate()
    assert other.ended() == 0, other.log

    engine.on(tasks.leave).enqueue("after")
    assert fleet.wake(everyone) == len(everyone)
    engine.finish()
    assert "after" in engine.effects()

    assert fleet.stop(everyone) == len(everyone)
    assert worker.ended(60) == 0, worker.log
    assert not ids()
