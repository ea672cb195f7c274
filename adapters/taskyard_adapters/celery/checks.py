"""System checks of the Celery engine."""

from importlib import import_module
from typing import Any

from django.core import checks

from taskyard.compat import InvalidTaskBackend

from .options import CeleryOptions

BROKERS = ("redis", "amqp")
"""The drivers of brokers that keep what they were given until it is acknowledged, and know priorities."""

REDIS_FOR_KOMBU = {(5, 7): (6, 1)}
"""From which version of kombu on which version of redis-py is needed."""


def check_all(alias: str, settings: CeleryOptions) -> list[checks.CheckMessage]:
    """Return what is wrong with the libraries and the app of a backend."""
    try:
        import_module("celery")
    except ImportError:
        return [_missing("celery", "celery")]
    from .app import app_of  # noqa: PLC0415 - imports the engine's library

    try:
        app = app_of(settings)
    except InvalidTaskBackend as error:
        hint = f"Set TASKS[{alias!r}]['OPTIONS']['APP'] to the dotted path of your Celery app."
        return [checks.Error(str(error), hint=hint, id="taskyard.E112")]
    try:
        driver = app.connection_for_write().transport.driver_type
    except (ImportError, KeyError) as error:  # the latter: an address of no kind that kombu knows
        hint = 'For Redis, run: pip install "django-taskyard[celery-redis]"'
        return [checks.Error(f"Celery cannot use its broker: {error}", hint=hint, id="taskyard.E113")]
    found = check_broker(driver)
    if driver == "redis":
        found += check_redis_library(_version("kombu"), _version("redis"))
    return found + (check_site_app(settings, app.conf) if settings.APP else [])


def _missing(library: str, extra: str) -> checks.CheckMessage:
    return checks.Error(
        f"The library {library!r} is not installed.",
        hint=f'Run: pip install "django-taskyard[{extra}]"',
        id="taskyard.E111",
    )


def _version(library: str) -> tuple[int, ...]:
    """Return a library's version as far as it is made of numbers; empty where it is not installed."""
    try:
        version: str = import_module(library).__version__
    except ImportError:
        return ()
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def check_broker(driver: str) -> list[checks.CheckMessage]:
    """Return what is wrong with the kind of broker."""
    if driver in BROKERS:
        return []
    return [
        checks.Error(
            f"Celery's broker is reached by {driver!r}, which Taskyard does not know.",
            hint="Use Redis or RabbitMQ: others lose messages, or cannot tell how many wait.",
            id="taskyard.E113",
        )
    ]


def check_redis_library(kombu: tuple[int, ...], redis: tuple[int, ...]) -> list[checks.CheckMessage]:
    """Return what is wrong with the versions of redis-py and of kombu, which uses it."""
    if not redis:
        return [_missing("redis", "celery-redis")]
    needed = max((needed for since, needed in REDIS_FOR_KOMBU.items() if kombu >= since), default=())
    if redis >= needed:
        return []
    return [
        checks.Error(
            f"kombu {_text(kombu)} refuses redis-py {_text(redis)}: it needs {_text(needed)} or later.",
            hint='Upgrade redis, or install Celery 5.6: pip install "celery[redis]<5.7".',
            id="taskyard.E114",
        )
    ]


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def check_site_app(settings: CeleryOptions, conf: Any) -> list[checks.CheckMessage]:
    """Return what in the configuration of a site's own app keeps our jobs from running, or surprises.

    What it says of acknowledging, prefetching, limits or results is for its own tasks; ours bring theirs.
    """
    from .connection import queue_name  # noqa: PLC0415 - imports the engine's library

    path = settings.APP
    found: list[checks.CheckMessage] = []
    # A list of kombu's queues, or a dict by name.
    names = [conf.task_default_queue, *(getattr(each, "name", each) for each in conf.task_queues or ())]
    if ours := [name for name in names if name.startswith(queue_name(settings, ""))]:
        found.append(
            checks.Error(
                f"The Celery app {path} has Taskyard's queue {ours[0]!r} among its own: its workers would "
                "fetch Taskyard's messages and throw them away.",
                hint="Leave it out of task_queues and task_default_queue: `manage.py worker` serves it.",
                id="taskyard.E116",
            )
        )
    if not {"json", "application/json"} & set(conf.accept_content):
        found.append(
            checks.Error(
                f"The Celery app {path} accepts no JSON (accept_content is {list(conf.accept_content)!r}), "
                "and Taskyard's messages are nothing else.",
                hint='Add "json" to its accept_content.',
                id="taskyard.E115",
            )
        )
    if conf.task_always_eager:
        found.append(
            checks.Warning(
                f"The Celery app {path} has task_always_eager set, which is for its own tasks alone: "
                "Taskyard's jobs go to the broker.",
                hint="To run jobs at once, such as in tests, set Django's ImmediateBackend in TASKS.",
                id="taskyard.W111",
            )
        )
    return found
