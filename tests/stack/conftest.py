"""Folders that servers of another user can get to, and the whole stack on paper."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from compose.stack.layout import lay_out
from tests.support.servers import require

PROGRAMS = {
    "postgres": "postgresql",
    "redis-server": "redis-server",
    "rabbitmq-server": "rabbitmq-server",
    "nginx": "nginx-light",
    "prometheus": "prometheus",
    "curl": "curl",
    "wget": "wget",
}


@contextmanager
def open_folder():
    folder = Path(tempfile.mkdtemp(prefix="taskyard-stack-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def data():
    """An empty folder for a stack."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def servers():
    """All servers are on this machine."""
    for program, package in PROGRAMS.items():
        require(program, package)


@pytest.fixture(scope="module")
def layout(servers):
    """The whole stack, before anything of it runs."""
    with open_folder() as folder:
        yield lay_out(folder, {"COMPOSE_PROFILES": "all"})
