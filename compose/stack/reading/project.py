"""The file, read by Docker Compose's own program: it needs no Docker to fill in, check and resolve it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import ComposeError
from .service import Service, service

INSTALL = "docker-compose is missing; install it with: pip install --group stack"


def read(path: Path, variables: Mapping[str, str]) -> dict[str, Service]:
    """Return the services that are started with these variables, COMPOSE_PROFILES among them, by name.

    Raises:
        ComposeError: with Compose's own words where it refuses the file.
    """
    # What the shell of somebody who uses Docker has set is not for this project.
    others = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    asked = subprocess.run(  # noqa: S603 - the file is ours
        [_program(), f"--file={path}", "config", "--format=json"],
        env={**others, "COMPOSE_DISABLE_ENV_FILE": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise ComposeError(f"{path}: {asked.stderr.strip()}")
    found = _plain(json.loads(asked.stdout))
    secrets = {
        name: variables.get(each["environment"], "") for name, each in found.get("secrets", {}).items()
    }
    return {name: service(name, each, secrets) for name, each in found["services"].items()}


def _program() -> str:
    beside = Path(sys.executable).parent
    program = shutil.which("docker-compose", path=os.pathsep.join([str(beside), os.environ["PATH"]]))
    if program is None:
        raise ComposeError(INSTALL)
    return program


def _plain(value: Any) -> Any:
    """Return what was meant: Compose writes dollars doubled, so that its output may be read again."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value
