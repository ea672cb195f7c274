"""The previous version's code on this version's schema: it must go on working while a deployment runs both."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .building import PACKAGES
from .running import run
from .supported import ROOT

WHAT_IT_PROMISES = ["tests/adapters/embedded/test_conformance.py", "tests/adapters/embedded/test_worker.py"]
"""The tests of the previous version that it has to pass."""


def previous_version() -> str | None:
    """Return the tag of the newest version before this commit; None before the first."""
    told = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match=v*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or None


def take_out(commit: str, folder: Path) -> None:
    """Put all that a commit holds into a folder."""
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    run("git", "archive", f"--output={archive}", commit, cwd=ROOT)
    shutil.unpack_archive(archive, folder, filter="data")


def migrate_to(source: Path, old: Path) -> None:
    """Give the old code another version's schema: that one's migrations in place of its own."""
    for package, part in PACKAGES.items():
        migrations = Path(part, package, "migrations")
        if (source / migrations).exists():
            shutil.rmtree(old / migrations)
            shutil.copytree(source / migrations, old / migrations)


def passes(old: Path, *tests: str) -> tuple[bool, str]:
    """Run tests of the old code, and return whether they passed, and what was printed."""
    own = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTEST_ADDOPTS"}}
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *tests,
            "-q",
            "-x",
            "-m",
            "not slow and not busy",
            "-p",
            "no:cacheprovider",
        ],
        cwd=old,
        env={**own, "PYTHONPATH": os.pathsep.join(str(old / part) for part in PACKAGES.values())},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode == 0, ended.stdout + ended.stderr
