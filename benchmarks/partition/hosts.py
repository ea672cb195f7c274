"""Two "hosts" on this machine: network namespaces with a cable each for the database and for the broker.

    near (database, brokers, workers)  --- database: 10.77.1.0/24 --- switch ---  far (workers)
                                       --- broker:   10.77.2.0/24 --- switch ---

A cut is made in the switch, so neither end sees its link go down: packets just do not arrive, as when a
firewall, a cable further on or a virtual machine's host fails. It needs root.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

NETWORKS = {"database": "10.77.1", "broker": "10.77.2"}
"""What each cable carries, and the beginning of the addresses on it."""

NEAR, FAR = 1, 2
"""The ends of the addresses."""


class NotPossible(Exception):
    """This machine makes no namespaces for us; the message says why."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The namespaces' names."""

    near: str
    far: str
    switch: str

    def cut(self, network: str) -> None:
        """Let nothing pass between the hosts on one of the networks."""
        self._set_port(network, "disabled")

    def heal(self, network: str) -> None:
        """Let everything pass again."""
        self._set_port(network, "forwarding")

    def _set_port(self, network: str, state: str) -> None:
        number = {"disabled": "0", "forwarding": "3"}[state]
        run(on(self.switch, "bridge", "link", "set", "dev", _port(network, "far"), "state", number))


def address(network: str, host: int = NEAR) -> str:
    """Return a host's address on a network."""
    return f"{NETWORKS[network]}.{host}"


def on(host: str, *command: str) -> list[str]:
    """Return what runs a command on one of the hosts."""
    return ["ip", "netns", "exec", host, *command]


def run(command: Sequence[str]) -> None:
    """Run a command of the network's.

    Raises:
        NotPossible: with what it said.
    """
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise NotPossible(f"{' '.join(command)}: {ended.stderr.strip()}")


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Make the hosts and connect them; all is gone after the block.

    Raises:
        NotPossible: where that takes rights or programs that are not there.
    """
    if os.geteuid() != 0:
        raise NotPossible("Network namespaces need root.")
    if shutil.which("ip") is None:
        raise NotPossible("ip is missing; install it with: apt-get install iproute2")
    hosts = Hosts(*(f"taskyard-{os.getpid()}-{name}" for name in ("near", "far", "switch")))
    with ExitStack() as stack:
        for name in (hosts.near, hosts.far, hosts.switch):
            run(["ip", "netns", "add", name])
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
            run(on(name, "ip", "link", "set", "lo", "up"))
        for network in NETWORKS:
            _connect(hosts, network)
        yield hosts


def _connect(hosts: Hosts, network: str) -> None:
    bridge = f"br-{network}"
    run(on(hosts.switch, "ip", "link", "add", bridge, "type", "bridge"))
    for side, name, end in (("near", hosts.near, NEAR), ("far", hosts.far, FAR)):
        port = _port(network, side)
        run(on(hosts.switch, "ip", "link", "add", port, "type", "veth", "peer", network, "netns", name))
        run(on(hosts.switch, "ip", "link", "set", port, "master", bridge, "up"))
        run(on(name, "ip", "address", "add", f"{address(network, end)}/24", "dev", network))
        run(on(name, "ip", "link", "set", network, "up"))
    run(on(hosts.switch, "ip", "link", "set", bridge, "up"))


def _port(network: str, side: str) -> str:
    return f"{network}-{side}"
