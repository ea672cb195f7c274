"""The queues that one may come from, one module each: a module of this folder with an `ORIGIN` is one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from taskyard.porting.rules import Origin, Rule


@cache
def all_origins() -> dict[str, Origin]:
    """Return the queues that one may come from, by name."""
    modules = (import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__))
    return {module.ORIGIN.name: module.ORIGIN for module in modules}


__all__ = ["Origin", "Rule", "all_origins"]
