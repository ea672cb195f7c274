"""Real servers for the tests: found or said to be missing, started on free loopback ports, stopped by id.

A missing server raises `ServerMissing`, which names the install. Who asked decides what follows: with
CI=true it is a failure, on somebody's laptop a skip.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from taskyard.waiting import wait_until

DEBIAN_POSTGRESQL = Path("/usr/lib/postgresql")

TRIES = 3
"""How often a server is started: between choosing a port and listening on it, another may take it."""

MOST_CONNECTIONS = 600
"""To a database server: one test alone opens 200, while others run beside it."""


class ServerMissing(Exception):
    """A server's program is not on this machine."""


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require(program: str, package: str) -> str:
    """Return the path of a server's program.

    Raises:
        ServerMissing: with the install that brings it.
    """
    versions = sorted(DEBIAN_POSTGRESQL.glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which(
        program, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", *map(str, versions)])
    )
    if found is None:
        raise ServerMissing(f"{program} is missing; install it with: apt-get install {package}")
    return found


def stop(process: subprocess.Popen, seconds: float = 20.0) -> None:
    """Stop a process that we started, and wait until it is gone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(seconds)


@contextmanager
def mysql() -> Iterator[str]:
    """Run a MariaDB server of our own; yields its address as mysql://user:password@host:port/name."""
    install, server = require("mariadb-install-db", "mariadb-server"), require("mariadbd", "mariadb-server")
    folder = Path(tempfile.mkdtemp(prefix="taskyard-mariadb-"))
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    common = ["--no-defaults", f"--datadir={folder}/data", *as_root]
    subprocess.run(
        [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    options = [
        *("--bind-address=127.0.0.1", f"--socket={folder}/socket", f"--pid-file={folder}/pid"),
        *("--character-set-server=utf8mb4", f"--max-connections={MOST_CONNECTIONS}"),
    ]
    process, port = _started(
        lambda port: [server, *common, f"--port={port}", *options], _listens, log=folder / "log"
    )
    try:
        yield f"mysql://root@127.0.0.1:{port}/taskyard"
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _started(
    command: Callable[[int], list[str]],
    answers: Callable[[int, subprocess.Popen], bool],
    *,
    log: Path,
    **options: object,
) -> tuple[subprocess.Popen, int]:
    """Start a server and wait until it answers; return it with the port that it listens on."""
    for tries_left in reversed(range(TRIES)):
        port = free_port()
        with log.open("ab") as file:
            process = subprocess.Popen(command(port), stdout=file, stderr=file, **options)
        try:
            what = f"the server answers on port {port}; see {log}"
            wait_until(partial(answers, port, process), what, 60)
        except AssertionError:
            stop(process)
            if not tries_left:
                raise
        else:
            break
    return process, port


def _listens(port: int, process: subprocess.Popen) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"The server ended with exit code {process.returncode} while starting.")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgresql(*, fsync: bool = True) -> Iterator[str]:
    """Run a PostgreSQL server of our own; yields its address as postgresql://user:password@host:port/name.

    Args:
        fsync: whether what is written outlives the machine. The server's own end it outlives either way.
    """
    initdb, server = require("initdb", "postgresql"), require("postgres", "postgresql")
    # The server refuses to run as root; Debian's package brings this user.
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="taskyard-postgresql-"))
    identity = {}
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = folder / "data"
    subprocess.run(
        [initdb, "-D", data, "-U", "taskyard", "--auth=trust", "-E", "UTF8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **identity,
    )
    options = [
        *("-D", data, "-k", folder, "-c", "listen_addresses=127.0.0.1"),
        *("-c", f"max_connections={MOST_CONNECTIONS}", "-c", "timezone=UTC"),
        *("-c", f"fsync={'on' if fsync else 'off'}"),
    ]
    process, port = _started(
        lambda port: [server, "-p", str(port), *options], _answers, log=folder / "log", cwd=folder, **identity
    )
    try:
        yield f"postgresql://taskyard@127.0.0.1:{port}/postgres"
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int, process: subprocess.Popen) -> bool:
    import psycopg

    if process.poll() is not None:
        raise AssertionError(f"The server ended with exit code {process.returncode} while starting.")
    try:
        psycopg.connect(
            f"host=127.0.0.1 port={port} user=taskyard dbname=postgres", connect_timeout=2
        ).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def redis() -> Iterator["Server"]:
    """Run a Redis server of our own."""
    with _running(_redis_server) as server:
        yield server


def _redis_server() -> "Server":
    program = require("redis-server", "redis-server")
    folder = Path(tempfile.mkdtemp(prefix="taskyard-redis-"))
    data = folder / "data"
    data.mkdir()
    port = free_port()
    return Server(
        address=f"redis://127.0.0.1:{port}/0",
        folder=folder,
        command=[
            *(program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        ],
        is_ready=lambda process: _redis_is_ours(port, process),
        data="data",
    )


def _redis_is_ours(port: int, process: subprocess.Popen) -> bool:
    """Ask the server for its process id: some other may have taken the port meanwhile."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex(("127.0.0.1", port)):
            return False
        probe.sendall(b"INFO server\r\n")
        return f"process_id:{process.pid}\r\n".encode() in probe.recv(65536)


@contextmanager
def rabbitmq() -> Iterator["Server"]:
    """Run a RabbitMQ node of our own, with its own Erlang port mapper."""
    with _running(_rabbitmq_server) as server:
        yield server


def _rabbitmq_server() -> "Server":
    # Debian's script of this name on PATH changes the user and drops the environment; this one does not.
    installed = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    program = str(installed) if installed.exists() else require("rabbitmq-server", "rabbitmq-server")
    folder = Path(tempfile.mkdtemp(prefix="taskyard-rabbitmq-"))
    port, distribution, mapper = free_port(), free_port(), free_port()
    enabled = folder / "enabled_plugins"
    enabled.write_text("[].\n")
    return Server(
        address=f"amqp://guest:guest@127.0.0.1:{port}//",
        folder=folder,
        command=[program],
        environment={
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"taskyard{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(enabled),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
        },
        is_ready=lambda process: _listens(port, process) and _amqp_answers(port),
        data="mnesia",
        # The port mapper leaves its parent's group.
        after_stop=["epmd", "-port", str(mapper), "-kill"],
    )


@contextmanager
def _running(make: Callable[[], "Server"]) -> Iterator["Server"]:
    """Run a server for as long as the block does; what it kept is deleted after it."""
    for tries_left in reversed(range(TRIES)):
        server = make()
        try:
            server.start()
        except AssertionError:
            server.close()
            if not tries_left:
                raise
        else:
            break
    try:
        yield server
    finally:
        server.close()


def _amqp_answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        probe.connect(("127.0.0.1", port))
        probe.sendall(b"AMQP\x00\x00\x09\x01")
        return b"RabbitMQ" in probe.recv(65536)


@dataclass
class Server:
    """A broker that a test may stop, start, freeze and thaw."""

    address: str
    folder: Path
    command: list[str]
    is_ready: Callable[[subprocess.Popen], bool]
    data: str = "."
    """What in the folder the server keeps its data in."""

    environment: dict[str, str] = field(default_factory=dict)
    after_stop: list[str] = field(default_factory=list)
    process: subprocess.Popen | None = None

    def close(self) -> None:
        """Stop for good, and delete what was kept."""
        self.thaw()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start, or start again on the data that is there, and wait until it answers."""
        log_path = self.folder / "server.log"
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        what = f"the server at {self.address} answers; see {log_path}"
        wait_until(lambda: self._answers(), what, 60)

    def _answers(self) -> bool:
        try:
            return self.is_ready(self.process)
        except OSError:
            return False

    def stop(self) -> None:
        """Stop, in order."""
        stop(self.process)
        # RabbitMQ's script is a shell around the node and its port mapper: what is left of the group goes too.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.after_stop:
            subprocess.run(self.after_stop, stdout=subprocess.DEVNULL, check=False)

    def wipe(self) -> None:
        """Make it forget all it holds."""
        self.stop()
        shutil.rmtree(self.folder / self.data, ignore_errors=True)
        (self.folder / self.data).mkdir()
        self.start()

    def freeze(self) -> None:
        """Stop the clock: connections stay open and nothing answers."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        wait_until(lambda: _stands_still(self.process.pid), "each of its threads has stopped")

    def thaw(self) -> None:
        """Let the clock run on."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGCONT)


def _stands_still(group: int) -> bool:
    """Tell whether no thread of a process group runs: a signal stops each when the kernel comes to it."""
    states = set()
    for status in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group:
                states.add(state)
    return states <= set("TtZX")
