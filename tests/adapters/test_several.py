"""Every engine at once in one site, each with a worker of its own."""

from contextlib import ExitStack

import pytest
from django.db import transaction

from taskyard.models import Job
from taskyard.testing.conformance import EngineUnderTest, tasks
from tests.settings import QUEUES
from tests.support.processes import environment
from tests.support.servers import wait_until

BACKENDS = {
    "celery_redis": ("celery.CeleryBackend", "redis"),
    "celery_rabbitmq": ("celery.CeleryBackend", "rabbitmq"),
    "dramatiq_redis": ("dramatiq.DramatiqBackend", "redis"),
    "dramatiq_rabbitmq": ("dramatiq.DramatiqBackend", "rabbitmq"),
    "arq": ("arq.ArqBackend", "redis"),
    "q2": ("django_q2.DjangoQ2Backend", None),
    "q2_redis": ("django_q2.DjangoQ2Backend", "redis"),
}


@pytest.fixture
def engines(transactional_db, tmp_path, monkeypatch, add_backend, redis_server, rabbitmq_server):
    """All of them by alias, the embedded one included, in one TASKS and under one PREFIX."""
    monkeypatch.setenv("TASKYARD_CONFORMANCE_FOLDER", str(tmp_path))
    addresses = {"redis": redis_server.address, "rabbitmq": rabbitmq_server.address}
    for alias, (backend, broker) in BACKENDS.items():
        options = {"BROKER_URL": addresses[broker]} if broker else {}
        if alias == "q2_redis":
            options["BROKER"] = "redis"
        parameters = {"QUEUES": QUEUES, "OPTIONS": {"PREFIX": "several", **options}}
        add_backend(alias, {"BACKEND": f"taskyard_adapters.{backend}", **parameters})
    with ExitStack() as stack:
        yield [
            stack.enter_context(EngineUnderTest(alias, tmp_path, environment(tmp_path)).running())
            for alias in ["default", *BACKENDS]
        ]


def test_each_runs_its_own_jobs_and_no_others(engines):
    with transaction.atomic():
        for engine in engines:
            engine.on(tasks.leave).enqueue(engine.alias)

    for number, engine in enumerate(engines, 1):
        worker = engine.worker("--burst")
        assert worker.ended() == 0, worker.log
        assert engine.effects()[number - 1 :] == [engine.alias], "its own job and nobody else's"

    wait_until(lambda: not Job.objects.exclude(state="SUCCESSFUL").exists(), "all are recorded")
