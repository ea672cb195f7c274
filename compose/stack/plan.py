"""How one service is run here: its command line, its environment, where its files are."""

import os
import shutil
import signal
import sys
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

from .addresses import Addresses
from .places import Places
from .reading import HealthCheck, Service

INHERITED = ("HOME", "LANG", "LC_ALL", "PYTHONPATH", "TMPDIR", "TZ", "USER")
"""What a service gets from the shell that started the stack; a container would get nothing."""

DEBIAN_POSTGRESQL = Path("/usr/lib/postgresql")


class CannotRunHere(Exception):
    """A service that has no place outside Docker; the message says what to do without it."""


class ProgramMissing(Exception):
    """A program that is to be installed first.

    Attributes:
        package: what brings it, by its name at Debian.
    """

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is missing; install it with: apt-get install {package}")
        self.package = package


@dataclass(slots=True)
class Plan:
    """A process to be."""

    name: str
    service: Service
    address: str
    command: list[str]
    environment: dict[str, str]
    health: HealthCheck | None
    places: Places
    addresses: Addresses
    data: Path
    """The folder of the whole stack."""

    folder: Path
    """Where it is started."""

    user: str | None = None
    """Who runs it, where it refuses to be run by root."""

    after: list[list[str]] = field(default_factory=list)
    """Commands that take away what it leaves behind when it has ended."""

    keeps: Path | None = None
    """Where it writes down what it gets, for those who count."""

    about: str = ""
    """What people should know of it."""

    @property
    def stop_signal(self) -> signal.Signals:
        """How it is asked to stop."""
        return signal.Signals[self.service.stop_signal]

    def rewrite(self, text: str) -> str:
        """Return a configuration's text with the addresses that hold here."""
        return self.addresses.named(text)


def plan(service: Service, addresses: Addresses, data: Path, replica: int = 0) -> Plan:
    """Return how a service is run here, its folders and files being made.

    Raises:
        CannotRunHere: where it is not.
        ProgramMissing: where something has to be installed first.
    """
    own = addresses.of(service.name, replica)
    made = Plan(
        name=service.name if service.replicas == 1 else f"{service.name}-{replica + 1}",
        service=service,
        address=own,
        command=service.command,
        environment={},
        health=service.health,
        places=Places(service, data),
        addresses=addresses,
        data=data,
        folder=data,
    )
    made.places.prepare(made.rewrite)
    image = import_module(f"{__package__}.images.{service.build or service.image}")
    for target, here in getattr(image, "PLACES", {}).items():
        made.places.put(target, here)
    said = image.environment() if hasattr(image, "environment") else {}
    environment = addresses.of_environment(said | service.environment, own)
    made.environment = _outside() | {name: made.places.in_text(value) for name, value in environment.items()}
    made.command = _rewritten(made, made.command)
    if made.health:
        made.health = replace(made.health, command=_rewritten(made, made.health.command))
    image.run_here(made)
    return made


def _rewritten(made: Plan, words: list[str]) -> list[str]:
    return [made.places.in_text(word) for word in made.addresses.of_command(words, made.address)]


def _outside() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, "PATH": search_path()}


def search_path() -> str:
    """Return where programs are looked for: beside this Python first, then where Debian hides servers."""
    versions = sorted(DEBIAN_POSTGRESQL.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", *map(str, versions)]
    )


def require(program: str, package: str) -> str:
    """Return the path of a program.

    Raises:
        ProgramMissing: with the package that brings it.
    """
    found = shutil.which(program, path=search_path())
    if found is None:
        raise ProgramMissing(program, package)
    return found
