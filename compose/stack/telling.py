"""What people read while the stack runs."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Column, Table

from .layout import Layout
from .process import Ending
from .site import LOGIN

screen = Console(highlight=False, soft_wrap=True, width=max(Console().width, 120))

PAGES = {"nginx": ("the shop", "/"), "prometheus": ("Prometheus", "/"), "flower": ("Flower", "/")}
CONSOLE = ("the console", "/console/")


def tell(sentence: str) -> None:
    """Say what has happened."""
    screen.print(sentence, markup=False)


def addresses(layout: Layout, password: str) -> None:
    """Say where everything is, and how to get in."""
    table = Table("what", "where", Column("who may come in", overflow="fold"), title="The stack is up")
    for service, what, path in _pages(layout):
        [found] = [each for each in layout.published if each.service == service]
        table.add_row(what, f"http://localhost:{found.port}{path}", _who(layout, service, password))
    screen.print(table)
    for name, plans in layout.plans.items():
        if plans[0].about:
            tell(f"{name}: {plans[0].about}")
    for name, why in layout.left_out.items():
        tell(f"{name} is not run here. {why}")
    tell(f"Logs: {layout.data}/log. Data stay for the next time.")
    tell("Ctrl-C stops everything. Elsewhere: make load (jobs on all engines, each accounted for)")


def _pages(layout: Layout) -> Iterable[tuple[str, str, str]]:
    for service, (what, path) in PAGES.items():
        if service in layout.plans:
            yield service, what, path
            if service == "nginx":
                yield service, *CONSOLE


def _who(layout: Layout, service: str, password: str) -> str:
    known = layout.variables
    who = {
        "nginx": f"{LOGIN}, password {password}",
        "flower": f"{known.get('FLOWER_USER', 'admin')}, password {known['FLOWER_PASSWORD']}",
    }
    return who.get(service, "anybody on this machine")


def the_end(endings: Iterable[Ending], jobs: dict[str, int]) -> None:
    """Say how everything ended, and how the jobs stand."""
    table = Table("service", "ended", title="The stack is down")
    for each in endings:
        table.add_row(each.name, str(each), style="" if each.is_clean else "red")
    screen.print(table)
    tell(f"Jobs: {', '.join(f'{count} {state}' for state, count in jobs.items()) or 'none'}.")
