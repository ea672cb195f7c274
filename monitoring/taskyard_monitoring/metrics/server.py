"""The port of a worker's own: `/metrics` and `/healthz`, served by the parent of its processes."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socket import AF_INET, AF_INET6
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from taskyard_monitoring.health import DispatcherHealth, Verdict, WorkerHealth
from taskyard_workers.serving import Address

from .access import has_token, is_token_wanted
from .processes import Folder, folder_for_children

logger = logging.getLogger(__name__)

TIDY_INTERVAL = 5.0
"""Seconds between two looks for what dead processes have left."""

PATIENCE = 10.0
"""Seconds after which a client that sends or reads nothing is let go."""

Start = Callable[[str, list[tuple[str, str]]], object]


@contextmanager
def serve(address: Address, group: str | None) -> Iterator[None]:
    """Serve what the processes started within the block count, and whether they are healthy.

    Args:
        address: where to listen.
        group: of worker processes in the register; None: there is a dispatcher, which is not in it.

    Raises:
        OSError: where the address cannot be had.
    """
    with folder_for_children() as folder:
        health = DispatcherHealth(folder) if group is None else WorkerHealth(group)
        with _Server(address, folder) as server:
            server.set_app(_App(folder, health))
            thread = threading.Thread(target=server.serve_forever, name="taskyard-metrics", daemon=True)
            thread.start()
            logger.info("Serving http://%s/metrics and /healthz.", address)
            try:
                yield
            finally:
                server.shutdown()
                thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each request on a thread of its own, and keeps the folder tidy in between."""

    daemon_threads = True

    def __init__(self, address: Address, folder: Folder) -> None:
        self.address_family = AF_INET6 if ":" in address.host else AF_INET
        self._folder = folder
        self._next_tidying = 0.0
        super().__init__((address.host, address.port), _Handler)

    def server_bind(self) -> None:
        """Bind, and ask no name server who we are: it may take its time."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def service_actions(self) -> None:
        """Tidy up now and then; called by the serving loop twice a second."""
        if time.monotonic() >= self._next_tidying:
            self._next_tidying = time.monotonic() + TIDY_INTERVAL
            try:
                self._folder.tidy()
            except OSError:
                logger.exception("What dead processes have counted could not be added up; trying again.")


class _Handler(WSGIRequestHandler):
    """Says nothing to the log, and waits for nobody for ever."""

    timeout = PATIENCE

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library has it
        """Do nothing."""


class _App:
    """What is to be had at the port."""

    def __init__(self, folder: Folder, health: WorkerHealth | DispatcherHealth) -> None:
        self._folder = folder
        self._health = health

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _text(start, HTTPStatus.METHOD_NOT_ALLOWED, "Ask with GET.")
        match environ["PATH_INFO"].rstrip("/"):
            case "/metrics" if is_token_wanted() and not has_token(environ.get("HTTP_AUTHORIZATION", "")):
                return _text(
                    start,
                    HTTPStatus.UNAUTHORIZED,
                    "Send the site's METRICS_TOKEN: Authorization: Bearer <token>.",
                    ("WWW-Authenticate", "Bearer"),
                )
            case "/metrics":
                with self._folder.held():
                    answer: Iterable[bytes] = make_wsgi_app(self._folder.registry())(environ, start)
                return answer
            case "/healthz":
                return _verdict(start, self._health.verdict())
            case _:
                return _text(start, HTTPStatus.NOT_FOUND, "Here are /metrics and /healthz.")


def _verdict(start: Start, verdict: Verdict) -> Iterable[bytes]:
    body = json.dumps(verdict.as_data()).encode()
    _start(start, verdict.status, "application/json", body)
    return [body]


def _text(start: Start, status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    _start(start, status, "text/plain; charset=utf-8", body, *headers)
    return [body]


def _start(start: Start, status: HTTPStatus, content: str, body: bytes, *headers: tuple[str, str]) -> None:
    usual = [("Content-Type", content), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start(f"{status.value} {status.phrase}", [*usual, *headers])
