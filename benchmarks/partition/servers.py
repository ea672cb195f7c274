"""A database and brokers that the other host can reach: they listen on all addresses of their namespace.

A namespace's ports are its own, so each server has its usual one.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.partition.hosts import address
from taskyard.waiting import wait_until
from tests.support.servers import Server, require, stop

POSTGRESQL = f"postgresql://taskyard@{address('database')}:5432/postgres"
REDIS = f"redis://{address('broker')}:6379"
RABBITMQ = f"amqp://guest:guest@{address('broker')}:5672//"

EVERYWHERE = "0.0.0.0"


@contextmanager
def serving(backends: Iterable[str]) -> Iterator[None]:
    """Run PostgreSQL, and the brokers that these backends need."""
    brokers = {"celery": redis, "arq": redis, "dramatiq": rabbitmq}
    with ExitStack() as stack:
        for server in dict.fromkeys([postgresql, *(brokers[each] for each in backends if each in brokers)]):
            stack.enter_context(server())
        yield


@contextmanager
def postgresql() -> Iterator[None]:
    """Run PostgreSQL, which refuses to run as root: Debian's package brings a user for it."""
    initdb, program = require("initdb", "postgresql"), require("postgres", "postgresql")
    account = pwd.getpwnam("postgres")
    identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    folder = Path(tempfile.mkdtemp(prefix="taskyard-postgresql-"))
    os.chown(folder, account.pw_uid, account.pw_gid)
    data = folder / "data"
    make = [initdb, "-D", data, "-U", "taskyard", "--auth=trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder, **identity)
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.77.0.0/16 trust\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(program, "-D", data, "-p", "5432", "-k", folder, "-c", f"listen_addresses={EVERYWHERE}"),
                *("-c", "max_connections=300", "-c", "timezone=UTC"),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            **identity,
        )
    try:
        wait_until(_listens(5432), f"PostgreSQL answers; see {folder}/log")
        yield
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[None]:
    """Run Redis."""
    command = [
        *(require("redis-server", "redis-server"), "--port", "6379", "--bind", EVERYWHERE),
        *("--protected-mode", "no", "--save", "", "--appendonly", "no"),
    ]
    with _running("redis", command, 6379):
        yield


@contextmanager
def rabbitmq() -> Iterator[None]:
    """Run RabbitMQ; its user guest may come from elsewhere, too."""
    require("rabbitmq-server", "rabbitmq-server")
    folder = tempfile.gettempdir()
    environment = {
        "RABBITMQ_NODENAME": "taskyard@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": EVERYWHERE,
        "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none -rabbit loopback_users []",
    }
    # Debian's script on PATH changes the user and drops the environment.
    with _running("rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], 5672, environment):
        yield


@contextmanager
def _running(
    name: str, command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[None]:
    folder = Path(tempfile.mkdtemp(prefix=f"taskyard-{name}-"))
    (folder / "enabled_plugins").write_text("[].\n")
    of_folder = {
        "HOME": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
    }
    server = Server(
        address=f"{EVERYWHERE}:{port}",
        folder=folder,
        command=command,
        is_ready=lambda _: _listens(port)(),
        environment={**of_folder, **(environment or {})} if environment else {},
        after_stop=["epmd", "-kill"] if environment else [],
    )
    try:
        server.start()
        yield
    finally:
        server.close()


def _listens(port: int) -> Callable[[], bool]:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return listens
