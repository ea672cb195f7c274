"""Where each service listens: on a loopback address of its own, with the ports that compose.yaml gives it.

As in Compose a service is found by its name, and all may listen on the same port. Linux answers on all of
127.0.0.0/8, so no port has to be changed, and what has to be rewritten is names alone.
"""

import re
import socket
from collections.abc import Iterable, Mapping
from hashlib import sha256

from .reading import Service

PRIVILEGED = 1024
SHIFT = 8000
"""Ports that are only for root become this much larger: 80 is 8080."""

LOOPBACK = "127.0.0.1"


def port_here(port: int) -> int:
    """Return the port on which a service listens that listens on this one in its container."""
    return port + SHIFT if port < PRIVILEGED else port


class Addresses:
    """The addresses of one stack's services."""

    def __init__(self, services: Mapping[str, Service], seed: str) -> None:
        """Choose the addresses; the same seed leads to the same ones, another most probably to others."""
        digest = sha256(seed.encode()).digest()
        block = f"127.{1 + digest[0] % 254}.{digest[1]}"
        numbers = iter(range(2, 255))
        self._of = {
            name: [f"{block}.{next(numbers)}" for _ in range(max(each.replicas, 1))]
            for name, each in services.items()
        }
        names = "|".join(map(re.escape, sorted(self._of, key=len, reverse=True)))
        self._name_and_port = re.compile(rf"(?<![\w.-])({names}):(\d+)")
        self._name_in_url = re.compile(rf"(?<=//)({names})(?=[/?#\s\"']|$)")
        self._published: dict[str, str] = {}

    def of(self, name: str, replica: int = 0) -> str:
        """Return the address of a service."""
        return self._of[name][replica]

    def all_of(self, name: str) -> list[str]:
        """Return the addresses of a service's replicas; none for a service that there is not."""
        return self._of.get(name, [])

    def publish(self, published: int, here: int) -> None:
        """Note under which port of this machine a published port is to be found."""
        self._published[f"localhost:{published}"] = f"localhost:{here}"

    def named(self, text: str) -> str:
        """Return a text with the services' addresses instead of their names."""
        text = self._name_and_port.sub(lambda found: f"{self.of(found[1])}:{port_here(int(found[2]))}", text)
        return self._name_in_url.sub(lambda found: self.of(found[1]), text)

    def of_command(self, words: Iterable[str], own: str) -> list[str]:
        """Return a command line: who says localhost there, or 0.0.0.0, means the service itself."""
        return [self.named(_with_own(word, own, r"0\.0\.0\.0|127\.0\.0\.1|localhost")) for word in words]

    def of_environment(self, environment: Mapping[str, str], own: str) -> dict[str, str]:
        """Return an environment: localhost there is for people outside, who come by published ports."""
        return {name: self._of_variable(name, value, own) for name, value in environment.items()}

    def _of_variable(self, name: str, value: str, own: str) -> str:
        if name.endswith(("HOST", "HOSTS")):
            return ",".join(here for each in value.split(",") for here in self._of.get(each, [each]))
        value = self.named(_with_own(value, own, r"0\.0\.0\.0"))
        for published, here in self._published.items():
            value = re.sub(rf"{re.escape(published)}(?!\d)", here, value)
        return value


def _with_own(text: str, own: str, meant: str) -> str:
    with_port = re.compile(rf"(?<![\w.-])(?:{meant}):(\d+)")
    text = with_port.sub(lambda found: f"{own}:{port_here(int(found[1]))}", text)
    return re.sub(rf"(?<![\w.-])(?:{meant})(?![\w.:-])", own, text)


def port_on_loopback(wanted: int) -> int:
    """Return this port of 127.0.0.1 if nobody has it, else another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port_here(wanted)))
        except OSError:
            return free_port()
        return port_here(wanted)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
