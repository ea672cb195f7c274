"""The engines and brokers that are measured, and how many processes and slots each of them gets."""

import os
from dataclasses import dataclass, field

NAME = "BENCHMARK_COMBINATION"
BROKER_URL = "BENCHMARK_BROKER_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """An engine on a broker."""

    backend: str
    """Our backend's dotted path."""

    bare: str
    """The module in `bare` that measures the engine by itself."""

    broker: str
    """The server that carries messages: redis, rabbitmq, or database."""

    after_kill: str
    """When the bare engine, as its documentation has it, starts a killed worker's job again."""

    processes: int = 2
    slots: int = 4
    """In each process."""

    options: dict[str, str] = field(default_factory=dict)
    """OPTIONS of our backend beyond the broker's address."""

    is_async: bool = False
    """Whether the engine's own tasks are coroutines; then ours is one, too."""

    needs_django: bool = False
    """Whether the bare engine runs in Django only."""


CELERY = "taskyard_adapters.celery.CeleryBackend"
DRAMATIQ = "taskyard_adapters.dramatiq.DramatiqBackend"
ARQ = "taskyard_adapters.arq.ArqBackend"
DJANGO_Q2 = "taskyard_adapters.django_q2.DjangoQ2Backend"

AT_ONCE = "at once (connection lost)"
CELERY_ON_REDIS = "visibility timeout, 1 h"
# Celery's own default. On RabbitMQ its threads leave acknowledgements to a loop that they do not wake, which
# costs the bare engine most of its speed.
PREFORK = {"processes": 1, "slots": 2, "options": {"POOL": "prefork"}}

COMBINATIONS = {
    "celery-redis": Combination(
        backend=CELERY, bare="celery_app", broker="redis", after_kill=CELERY_ON_REDIS
    ),
    "celery-rabbitmq": Combination(backend=CELERY, bare="celery_app", broker="rabbitmq", after_kill=AT_ONCE),
    "celery-prefork-redis": Combination(
        backend=CELERY, bare="celery_app", broker="redis", after_kill=CELERY_ON_REDIS, **PREFORK
    ),
    "celery-prefork-rabbitmq": Combination(
        backend=CELERY, bare="celery_app", broker="rabbitmq", after_kill=AT_ONCE, **PREFORK
    ),
    "dramatiq-redis": Combination(
        backend=DRAMATIQ, bare="dramatiq_app", broker="redis", after_kill="60 s, then by chance"
    ),
    "dramatiq-rabbitmq": Combination(
        backend=DRAMATIQ, bare="dramatiq_app", broker="rabbitmq", after_kill=AT_ONCE
    ),
    "arq-redis": Combination(
        backend=ARQ, bare="arq_app", broker="redis", after_kill="job timeout + 10 s: 310 s", is_async=True
    ),
    "django-q2-orm": Combination(
        backend=DJANGO_Q2,
        bare="django_q2_app",
        broker="database",
        after_kill="retry: 120 s here",
        slots=1,
        needs_django=True,
    ),
    "django-q2-redis": Combination(
        backend=DJANGO_Q2,
        bare="django_q2_app",
        broker="redis",
        after_kill="never (lost)",
        slots=1,
        options={"BROKER": "redis"},
        needs_django=True,
    ),
}


def measured_here() -> Combination:
    """Return the combination that this process was started for."""
    return COMBINATIONS[os.environ[NAME]]


def broker_url() -> str:
    """Return the address of the broker that this process was started for; empty: the database is it."""
    return os.environ[BROKER_URL]
