"""The Celery app that carries our one task: the site's own, or one that nobody else sees."""

import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

from celery import Celery, Task, _state  # type: ignore[import-untyped]
from celery.app.trace import setup_worker_optimizations  # type: ignore[import-untyped]
from celery.worker.request import Request  # type: ignore[import-untyped]
from django.utils.module_loading import import_string
from kombu import Connection  # type: ignore[import-untyped]

from taskyard.compat import InvalidTaskBackend

from .endings import event_of
from .options import CeleryOptions

TASK = "taskyard.run"
"""The name of our task on the app. What tools show is the name of the job's own task."""

HEARTBEAT = 30
"""Seconds between two signs of life on a connection to RabbitMQ; without two of them it counts as dead."""

JSON_ONLY = {"accept_content": ["json"], "task_serializer": "json", "event_serializer": "json"}


class OwnApp(Celery):  # type: ignore[misc]
    """An app beside any that the site may have: it is never the current one, and knows its own broker.

    It reads no configuration from the environment, where a variable such as CELERY_BROKER_URL speaks of the
    site's app.
    """

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        super().__init__(
            "taskyard",
            loader="celery.loaders.app:AppLoader",
            set_as_current=False,
            fixups=[],
            config_source={
                **JSON_ONLY,
                "broker_url": broker_url,
                "broker_use_ssl": _verified_tls(broker_url),
                "broker_heartbeat": HEARTBEAT,
                "broker_connection_retry_on_startup": True,
                "result_backend": "disabled://",
                "task_ignore_result": True,
            },
        )

    def connection_for_read(self, url: str | None = None, **kwargs: Any) -> Connection:
        """Return a connection to our broker."""
        return super().connection_for_read(url or self._broker_url, **kwargs)

    def connection_for_write(self, url: str | None = None, **kwargs: Any) -> Connection:
        """Return a connection to our broker."""
        return super().connection_for_write(url or self._broker_url, **kwargs)


def _verified_tls(broker_url: str) -> dict[str, Any] | None:
    """Return what makes a TLS connection verify its server; left alone, kombu does not."""
    if broker_url.startswith("rediss:"):
        return {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    if broker_url.startswith("amqps:"):
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}  # None: the address's own
    return None


@cache
def app_of(settings: CeleryOptions) -> Celery:
    """Return the app of a backend with these options, one for the whole process.

    Raises:
        InvalidTaskBackend: where APP names none.
    """
    return site_app(settings.APP) if settings.APP else OwnApp(settings.BROKER_URL)


def site_app(path: str) -> Celery:
    """Return the site's own app.

    Raises:
        InvalidTaskBackend: where there is none at that path.
    """
    try:
        app = import_string(path.replace(":", "."))
    except ImportError as error:
        raise InvalidTaskBackend(f"APP {path!r} cannot be imported: {error}") from error
    if not isinstance(app, Celery):
        raise InvalidTaskBackend(f"APP {path!r} is no Celery app but {app!r}.")
    return app


class JobRequest(Request):  # type: ignore[misc]
    """One of our messages, in the worker."""

    def revoked(self) -> bool:
        """Tell Celery to run it: a job that is not to run is cancelled in the database, for all workers."""
        return False

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's own
        """Tell Celery's tools what happened, and as the end of a job how that ended."""
        kind, told = event_of(type, fields)
        super().send_event(kind, **told)


class JobTask(Task):  # type: ignore[misc]
    """What our task is made of, on whichever app.

    All that matters to it is set here, whatever the site set for its own tasks: acknowledged after it ran,
    given back when its process dies, no results, no limits, no retries.
    """

    Request = JobRequest
    acks_late = True
    acks_on_failure_or_timeout = True
    reject_on_worker_lost = True
    ignore_result = True
    store_errors_even_if_ignored = False
    track_started = False
    send_events = True
    serializer = "json"
    max_retries = 0
    rate_limit = 0
    time_limit = 0
    soft_time_limit = 0
    typing = False

    @classmethod
    def annotate(cls) -> None:
        """Take none of the site's `task_annotations`, which may be for all tasks."""


def register_task(app: Celery, run: Callable[[object], str | None]) -> None:
    """Register our task on the app."""

    def run_message(message: object = None) -> str | None:
        return run(message)

    app.task(name=TASK, base=JobTask, lazy=False, shared=False)(run_message)


def make_ready_to_run(app: Celery, node: str) -> None:
    """Let Celery's worker find the app's tasks, in every thread.

    It makes the app the current one for that; see `SiteApps`.
    """
    site = SiteApps()
    setup_worker_optimizations(app, node)
    if isinstance(app, OwnApp):
        site.put_back()


class SiteApps:
    """The default and the current Celery app, as they are now.

    Celery's worker makes its own app both. Ours must be neither to what a site's tasks do in our worker, such
    as sending tasks of the site's own.
    """

    def __init__(self) -> None:
        self._default, self._current = _state.default_app, _state._tls.current_app  # noqa: SLF001

    def put_back(self) -> None:
        """Make them what they were."""
        _state.set_default_app(self._default)
        _state._set_current_app(self._current)  # noqa: SLF001 - nowhere else to be had
