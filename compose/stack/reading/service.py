"""One service of compose.yaml, in the shape that running it needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from .errors import ComposeError


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The command that tells whether a service is well."""

    command: list[str]
    interval: float
    """Seconds."""

    timeout: float
    """Seconds."""

    patience: float
    """Seconds after the start in which it must have succeeded once."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of ours, or a volume by its name, at a path that the service sees."""

    kind: str
    """bind, volume, tmpfs or secret."""

    source: str
    """A path, a volume's name, nothing, or the secret itself."""

    target: PurePosixPath


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the service, and where the outside finds it."""

    host: str
    published: int
    target: int


@dataclass(frozen=True, slots=True)
class Service:
    """What the file says of one service."""

    name: str
    image: str
    """The image's own name, without registry and tag: `postgres`."""

    build: str
    """The stage of our Dockerfile that it is built from; empty where the image is somebody else's."""

    command: list[str]
    environment: dict[str, str]
    health: HealthCheck | None
    depends_on: dict[str, str]
    """The services before this one, and what must be true of each: service_healthy, …"""

    grace: float
    """Seconds between being asked to stop and being killed."""

    stop_signal: str
    restart: str
    replicas: int
    mounts: list[Mount]
    ports: list[Port]

    @property
    def is_job(self) -> bool:
        """Whether it does something once, and ends."""
        return self.restart == "no"


def service(name: str, given: Mapping[str, Any], secrets: Mapping[str, str]) -> Service:
    """Return a service from what `docker-compose config` says of it."""
    build = given.get("build")
    return Service(
        name=name,
        image=given.get("image", "").rpartition("/")[2].partition("@")[0].partition(":")[0],
        build=build.get("target", "default") if build else "",
        command=[*(given.get("entrypoint") or []), *(given.get("command") or [])],
        environment={key: value or "" for key, value in (given.get("environment") or {}).items()},
        health=_health(given.get("healthcheck")),
        depends_on={other: each["condition"] for other, each in (given.get("depends_on") or {}).items()},
        grace=seconds(given.get("stop_grace_period", "10s")),
        restart=given.get("restart", "no"),
        replicas=given.get("scale", 1),
        stop_signal=given.get("stop_signal", "SIGTERM"),
        mounts=[
            *(_mount(each) for each in given.get("volumes") or []),
            *(Mount("tmpfs", "", PurePosixPath(each.split(":")[0])) for each in given.get("tmpfs") or []),
            *(_secret(each, secrets) for each in given.get("secrets") or []),
        ],
        ports=[
            Port(each.get("host_ip", "127.0.0.1"), int(each["published"]), each["target"])
            for each in given.get("ports") or []
        ],
    )


UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def seconds(text: str) -> float:
    """Return a duration such as 1m30s in seconds.

    Raises:
        ComposeError: for what is none.
    """
    if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|m|s))+", text):
        raise ComposeError(f"{text!r} is no duration; write it like 30s or 1m30s.")
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)(h|ms|m|s)", text))


def _health(given: Mapping[str, Any] | None) -> HealthCheck | None:
    if given is None or given.get("disable"):
        return None
    kind, *command = given["test"]
    interval = seconds(given.get("interval", "30s"))
    return HealthCheck(
        command=["sh", "-c", *command] if kind == "CMD-SHELL" else command,
        interval=interval,
        timeout=seconds(given.get("timeout", "30s")),
        patience=seconds(given.get("start_period", "0s")) + interval * given.get("retries", 3),
    )


def _mount(given: Mapping[str, Any]) -> Mount:
    return Mount(given["type"], given.get("source", ""), PurePosixPath(given["target"]))


def _secret(given: Mapping[str, Any], secrets: Mapping[str, str]) -> Mount:
    target = PurePosixPath("/run/secrets", given.get("target", given["source"]))
    return Mount("secret", secrets[given["source"]], target)
