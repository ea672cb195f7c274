"""Fixtures of the example site's tests; run them with `pytest tests/project --ds=config.settings`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import connections
from django.test import Client

from shop import importing
from shop.models import ImportRun
from shop.rows import COLUMNS

HEADER = ",".join(COLUMNS)
GOOD = "SO-100001,2025-12-24,Zoë Noël,zoe@example.com,FR,KIT-101,Kettle,2,64.90,EUR"


@pytest.fixture(autouse=True)
def run_time_files(settings, tmp_path: Path) -> None:
    """Keep files and mails out of the project's own folder, and nothing from the test before."""
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path, "allow_overwrite": True}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    settings.SHOP_MAIL_FOLDER = tmp_path / "mail"
    cache.clear()


@pytest.fixture
def staff(db) -> User:
    """Somebody who works in the shop."""
    return User.objects.create_user("sam", "sam@shop.example", "secret", is_staff=True)


@pytest.fixture
def staff_client(staff: User) -> Client:
    """A browser signed in as staff."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def import_text(db) -> Callable[..., ImportRun]:
    """Import lines given as text or bytes, under the usual header, and return the run."""

    def run(*lines: str | bytes) -> ImportRun:
        raw = [line if isinstance(line, bytes) else line.encode() for line in (HEADER, *lines)]
        file = ContentFile(b"\n".join(raw) + b"\n", name="orders.csv")
        run = ImportRun.objects.create(file=file, file_name=file.name, job_id="long-forgotten")
        importing.import_file(run)
        return run

    return run


@pytest.fixture
async def async_db(transactional_db) -> AsyncIterator[None]:
    """The database, for a test in an event loop; the loop's thread gives its connection back at the end."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def import_text_async(import_text) -> Callable[..., Awaitable[ImportRun]]:
    """Import lines from a test that runs in an event loop."""
    return sync_to_async(import_text)


@pytest.fixture
def december(import_text) -> ImportRun:
    """Three orders of December and one of January."""
    return import_text(
        "SO-100001,2025-12-01,Zoë Noël,zoe@example.com,FR,KIT-101,Kettle,2,64.90,EUR",
        "SO-100001,2025-12-01,Zoë Noël,zoe@example.com,FR,BTH-302,Soap,1,14.50,EUR",
        "SO-100002,2025-12-24,Anna Vogt,anna@example.org,DE,KIT-101,Kettle,1,64.90,EUR",
        "SO-100003,2025-12-31,Anna Vogt,anna@example.org,DE,LIV-403,Bookshelf,1,1090.00,EUR",
        "SO-100004,2026-01-01,Zoë Noël,zoe@example.com,FR,BTH-302,Soap,3,14.50,EUR",
    )
