"""The projects that the pages begin with, and the servers that they need."""

import shutil
from pathlib import Path

import django
import pytest

from tests.support.servers import free_port

from .blocks import Page, read
from .pages import PAGES
from .project import Nursery, Project, make_template

if django.VERSION < (6, 0):
    # The pages speak of the Django that has a task framework of its own.
    collect_ignore_glob = ["test_*.py"]

SERVERS = {"redis": "redis://localhost:6379", "rabbitmq": "amqp://guest:guest@localhost:5672"}
"""What the pages call the servers that the tests start elsewhere."""


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """Return the folder of a project as pages find it, made once for all of them."""
    folder, made = tmp_path_factory.mktemp("templates"), {}

    def template(kind: str) -> Path:
        if kind not in made:
            make_template(folder / kind, kind)
            made[kind] = folder / kind
        return made[kind]

    return template


@pytest.fixture(scope="session")
def nurseries(templates):
    """Return the process from which those of such a project's pages are forked."""
    born: dict[str, Nursery] = {}

    def nursery(kind: str) -> Nursery:
        if kind not in born:
            born[kind] = Nursery(templates(kind))
        return born[kind]

    yield nursery
    for each in born.values():
        each.close()


@pytest.fixture(params=PAGES, ids=lambda path: "-".join(path.with_suffix("").parts[-2:]))
def page(request) -> Page:
    """Each page of the documents that has code."""
    return read(request.param)


@pytest.fixture
def project(page, templates, nurseries, tmp_path, request):
    """The page's project."""
    addresses = {}
    for name in page.needs:
        address = request.getfixturevalue(f"{name}_server").address
        addresses[SERVERS[name]] = address.removesuffix("/0").rstrip("/")
    addresses |= {port: str(free_port()) for port in page.ports}
    folder = tmp_path / "site"
    shutil.copytree(templates(page.project), folder)
    with Project(folder, addresses, nurseries(page.project)) as project:
        yield project
