"""What is done in the name of the site while the stack runs: by its own code, in its own environment."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .layout import Layout
from .places import ROOT
from .reading import ComposeError

LOGIN = "admin"

FILE = "site.json"

SIGN_UP = """
import os
from django.contrib.auth.models import User
user, _ = User.objects.get_or_create(username=os.environ["STACK_LOGIN"])
user.is_staff = user.is_superuser = True
user.set_password(os.environ["STACK_PASSWORD"])
user.save()
"""

COUNT = """
import json
from django.db.models import Count
from taskyard.models import Job
print(json.dumps(dict(Job.objects.values_list("state").annotate(Count("pk")).order_by("state"))))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """What another process needs to know of the site that runs."""

    environment: dict[str, str]
    mails: str | None
    """The folder in which the mail catcher keeps what it gets, where it is ours."""

    @classmethod
    def of(cls, layout: Layout) -> "Site":
        """Return the site of a stack."""
        [mail] = layout.plans["mail"]
        return cls(layout.plans["app"][0].environment, str(mail.keeps) if mail.keeps else None)

    @classmethod
    def that_runs(cls, data: Path) -> "Site":
        """Return the site whose stack keeps its data in this folder.

        Raises:
            ComposeError: where none runs.
        """
        try:
            return cls(**json.loads((data / FILE).read_text()))
        except FileNotFoundError:
            raise ComposeError(
                f"No stack runs with its data in {data}. Start one, and leave it running: make stack"
            ) from None

    @contextmanager
    def announced(self, data: Path) -> Iterator[None]:
        """Let other processes find it during the block."""
        file = data / FILE
        file.touch(0o600)
        file.write_text(json.dumps(asdict(self)))
        try:
            yield
        finally:
            file.unlink()

    def sign_up(self, password: str) -> None:
        """Make the account of somebody who may do everything; an earlier one gets this password."""
        self._run(SIGN_UP, STACK_LOGIN=LOGIN, STACK_PASSWORD=password)

    def jobs_by_state(self) -> dict[str, int]:
        """Count the jobs in the database."""
        counted: dict[str, int] = json.loads(self._run(COUNT))
        return counted

    def manage(self, arguments: Sequence[str]) -> int:
        """Run a management command; returns its exit code."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(  # noqa: S603 - whoever types it may
            command, cwd=ROOT / "project", env=self.environment, check=False
        ).returncode

    def _run(self, script: str, **variables: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-c", f"import django\ndjango.setup()\n{script}"],
            cwd=ROOT / "project",
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout
