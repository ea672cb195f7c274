"""The whole stack on paper: which services, with which plans, at which addresses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .addresses import Addresses, port_here, port_on_loopback
from .places import ROOT
from .plan import CannotRunHere, Plan, ProgramMissing, plan
from .reading import ComposeError, Port, Service, read
from .variables import variables

FILE = ROOT / "compose" / "compose.yaml"


@dataclass(frozen=True, slots=True)
class Published:
    """Where people find a service."""

    service: str
    port: int
    """Of this machine."""

    host: str
    target: int


@dataclass(slots=True)
class Layout:
    """All that is known before anything runs."""

    data: Path
    variables: dict[str, str]
    services: dict[str, Service]
    plans: dict[str, list[Plan]]
    """Of each service, one for each replica."""

    left_out: dict[str, str]
    """Services that cannot run here, and why."""

    published: list[Published]


def lay_out(data: Path, given: Mapping[str, str]) -> Layout:
    """Read compose.yaml and decide how everything in it is run here.

    Args:
        data: the folder in which all is kept; made if it is not there.
        given: variables of compose.yaml that differ from those kept in the folder.

    Raises:
        ComposeError: where the file or the machine does not allow it; names all packages that are missing.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o755)
    known = variables(data, given)
    services = read(FILE, known)
    addresses = Addresses(services, str(data))
    published = [_published(each, port, addresses) for each in services.values() for port in each.ports]
    plans: dict[str, list[Plan]] = {}
    left_out: dict[str, str] = {}
    missing: dict[str, str] = {}
    for each in services.values():
        try:
            plans[each.name] = [plan(each, addresses, data, number) for number in range(each.replicas)]
        except CannotRunHere as reason:
            left_out[each.name] = str(reason)
        except ProgramMissing as error:
            missing[error.package] = each.name
    if missing:
        raise ComposeError(
            f"These services need programs that are not on this machine: {', '.join(missing.values())}. "
            f"Install them with: apt-get install {' '.join(missing)}"
        )
    return Layout(
        data=data,
        variables=known,
        services={name: each for name, each in services.items() if name in plans},
        plans=plans,
        left_out=left_out,
        published=[each for each in published if each.service in plans],
    )


def _published(service: Service, port: Port, addresses: Addresses) -> Published:
    here = port_on_loopback(port.published)
    addresses.publish(port.published, here)
    return Published(service.name, here, addresses.of(service.name), port_here(port.target))
