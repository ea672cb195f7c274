"""PostgreSQL: makes its data folder, user and database on the first run, as the image's entrypoint does."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile

from compose.stack.folder import is_open
from compose.stack.plan import Plan, require
from compose.stack.reading import ComposeError

DATA = "/var/lib/postgresql/data"


def run_here(plan: Plan) -> None:
    """Run Debian's server on the volume."""
    plan.command[0] = require("postgres", "postgresql")
    require("pg_isready", "postgresql-client")
    data = plan.places.at(DATA)
    if os.geteuid() == 0:
        # The server refuses to be run by root; Debian's package brings this user.
        plan.user = "postgres"
        if not is_open(plan.data):
            raise ComposeError(
                f"{plan.data} is in a place of root's own, and PostgreSQL, which root may not run, is run by "
                f"{plan.user}. Choose a folder that others can get to: --data /var/tmp/stack"
            )
        _give(data, plan.user)
    plan.folder = data
    if not (data / "PG_VERSION").exists():
        _create(data, plan)
    plan.command += ["-D", str(data), "-c", f"listen_addresses={plan.address}"]
    # Paths of sockets must be short, and nobody here uses one.
    plan.command += ["-c", "unix_socket_directories="]


def _give(data: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    for folder, _, files in os.walk(data):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            os.chown(path, account.pw_uid, account.pw_gid)


def _create(data: Path, plan: Plan) -> None:
    given = plan.environment
    who, database = given["POSTGRES_USER"], given.get("POSTGRES_DB", given["POSTGRES_USER"])
    with NamedTemporaryFile("w") as secret:
        if plan.user:
            shutil.chown(secret.name, plan.user)
        secret.write(given["POSTGRES_PASSWORD"])
        secret.flush()
        command = [require("initdb", "postgresql"), "-D", str(data), "-U", who, f"--pwfile={secret.name}"]
        _run([*command, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"], "", plan)
    _run([plan.command[0], "--single", "-D", str(data), "postgres"], f'CREATE DATABASE "{database}"', plan)


def _run(command: list[str], told: str, plan: Plan) -> None:
    done = subprocess.run(  # noqa: S603 - the server's own programs
        command,
        input=f"{told}\n",
        env=plan.environment,
        cwd=plan.folder,
        user=plan.user,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")
