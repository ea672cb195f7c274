"""Commands that must end well."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


class Unfit(Exception):
    """This version cannot go out; the text says why."""


def run(*command: object, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it printed.

    Raises:
        Unfit: where it fails, with all that it said.
    """
    ended = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise Unfit(f"{' '.join(map(str, command))} failed:\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout


def expect(what: object, message: str) -> None:
    """Raise `Unfit` with a message where something does not hold."""
    if not what:
        raise Unfit(message)
