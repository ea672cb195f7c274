"""What starts before what."""

from collections.abc import Mapping
from graphlib import TopologicalSorter

from .service import Service


def levels(services: Mapping[str, Service]) -> list[list[Service]]:
    """Return the services in groups: each needs only those of the groups before it.

    What depends_on names and is not among the services counts for nothing.
    """
    sorter = TopologicalSorter(
        {name: [other for other in each.depends_on if other in services] for name, each in services.items()}
    )
    sorter.prepare()
    groups = []
    while sorter.is_active():
        ready = sorter.get_ready()
        groups.append([services[name] for name in ready])
        sorter.done(*ready)
    return groups
