"""The Pythons and Djangos that the distribution says it works with, and those of them that are here."""

import os
import shutil
import tomllib
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]

FIRST_PYTHON = {"5.2": "3.11", "6.0": "3.12", "6.1": "3.12"}
"""The oldest Python that each Django runs on, and we with it (from Django's release notes)."""


class Pair(NamedTuple):
    """A Python and a Django that go together."""

    python: str
    django: str

    @property
    def needs_backport(self) -> bool:
        """Whether this Django has no task framework of its own."""
        return _number(self.django) < (6, 0)

    def __str__(self) -> str:
        """Name both."""
        return f"Django {self.django} on Python {self.python}"


@cache
def project() -> dict[str, Any]:
    """Return what pyproject.toml says of the distribution."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def pairs() -> list[Pair]:
    """Return every Python with every Django that is said to work on it, by the classifiers."""
    return [
        Pair(python, django)
        for python, django in product(
            _classified("Programming Language :: Python"), _classified("Framework :: Django")
        )
        if _number(python) >= _number(FIRST_PYTHON[django])
    ]


def interpreter(python: str) -> Path | None:
    """Return the newest interpreter of such a version on this machine, pyenv's included; None where there is none."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [path / "bin" / f"python{python}" for path in versions.glob(f"{python}.*")]
    newest = max(
        (path for path in found if path.exists()), key=lambda path: _number(path.parts[-3]), default=None
    )
    on_path = shutil.which(f"python{python}")
    return newest or (Path(on_path) if on_path else None)


def _classified(kind: str) -> list[str]:
    beginning = f"{kind} :: "
    return [text.removeprefix(beginning) for text in project()["classifiers"] if text.startswith(beginning)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
