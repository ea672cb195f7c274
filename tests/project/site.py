"""The shop as visitors have it: a web server and a worker on a database of their own, and a real browser."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from tests.support.servers import stop, wait_until

from .serving import Server, served

PREPARE = """
import django
django.setup()
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import call_command
from shop import importing
from shop.models import ImportRun
from shop.rows import COLUMNS
call_command("migrate", verbosity=0)
admin = User.objects.create_superuser("admin", "admin@shop.example", "secret")
User.objects.create_user("olga", "olga@shop.example", "secret", is_staff=True)
row = "SO-{number},2025-12-24,{name},{name}@example.com,FR,KIT-101,Kettle,2,64.90,EUR"
for first in (700_000, 800_000):
    names = ["zoe", "anna"] * 4
    lines = [row.format(number=first + place, name=name) for place, name in enumerate(names)]
    text = "\\n".join([",".join(COLUMNS), *lines, "SO-1,nonsense", ""])
    file = ContentFile(text.encode(), name=f"orders-{first}.csv")
    run = ImportRun.objects.create(file=file, file_name=file.name, created_by=admin, job_id="long-forgotten")
    importing.import_file(run)
"""
"""Two people, and two imports of eight orders each for two customers, with one problem each."""


@dataclass
class Site:
    """The running shop."""

    server: Server
    folder: Path
    variables: dict[str, str]

    def run(self, script: str) -> None:
        """Run a script on the shop's database."""
        run(script, self.variables)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Have a worker for as long as the block lasts."""
        log = self.folder / "worker.log"
        with log.open("ab") as output:
            worker = subprocess.Popen(
                [sys.executable, str(settings.PROJECT / "manage.py"), "worker"],
                env={**os.environ, **self.variables},
                stdout=output,
                stderr=output,
            )
        try:
            wait_until(lambda: log.stat().st_size > 0, "the worker says something", 60)
            yield
        finally:
            stop(worker)


def run(script: str, variables: dict[str, str]) -> None:
    """Run a script in a process of its own."""
    subprocess.run([sys.executable, "-c", script], env={**os.environ, **variables}, check=True)


@contextmanager
def running_site(folder: Path, **more: str) -> Iterator[Site]:
    """Run the shop in a folder, with people in it."""
    variables = {
        "SHOP_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        **more,
    }
    run(PREPARE, variables)
    with served("config.asgi:application", folder, **variables) as server:
        yield Site(server, folder, variables)
