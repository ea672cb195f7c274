"""Which engines carry the shop's jobs: the embedded one, unless the environment names others.

SHOP_ENGINE       one engine, which is then the backend "default"
SHOP_ENGINES      several side by side, with commas between them, or "all": each is a backend under its own
                  name, and "default", by which the shop's tasks go, shares their jobs out among them
SHOP_BROKER_URL   their broker, where they need one; SHOP_BROKER_URL_DRAMATIQ (…) the broker of one engine

Any adapter of `taskyard_adapters` will do, under the name of its engine: each package exports one backend.
"""

import os
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import taskyard_adapters

NAME = os.environ.get("SHOP_ENGINE", "embedded")
"""The engine, as its adapter's folder is called: embedded, celery, django-q2, …"""

BROKER_URL = os.environ.get("SHOP_BROKER_URL", "redis://127.0.0.1:6379/0")
"""Where the broker is, for engines that need one."""

NEEDS_NO_BROKER = {"embedded", "django-q2"}
"""They keep their messages in the shop's own database."""

QUEUES = ["default", "mail", "reports", "imports"]


def side_by_side() -> list[str]:
    """Return the engines that SHOP_ENGINES names; none where it is left out."""
    named = os.environ.get("SHOP_ENGINES", "")
    if named == "all":
        found = iter_modules(taskyard_adapters.__path__)
        return [each.name.replace("_", "-") for each in found]
    return [name.strip() for name in named.split(",") if name.strip()]


def needs_broker(name: str = NAME) -> bool:
    """Whether an engine needs another service than the database."""
    return name not in NEEDS_NO_BROKER


def backends() -> dict[str, Any]:
    """Return TASKS."""
    several = side_by_side()
    if not several:
        return {"default": _backend(NAME)}
    return {"default": _shared_out(several), **{name: _backend(name) for name in several}}


def apps() -> list[str]:
    """Return the apps that the engines bring."""
    return ["django_q"] if "django-q2" in (side_by_side() or [NAME]) else []


def _backend(name: str) -> dict[str, Any]:
    package = f"taskyard_adapters.{name.replace('-', '_')}"
    [backend] = import_module(package).__all__
    options = {} if name == "embedded" else {"PREFIX": "shop"}
    if needs_broker(name):
        options["BROKER_URL"] = _broker_url(name)
    return {"BACKEND": f"{package}.{backend}", "QUEUES": QUEUES, "OPTIONS": options}


def _broker_url(name: str) -> str:
    return os.environ.get(f"SHOP_BROKER_URL_{name.replace('-', '_').upper()}", BROKER_URL)


def _shared_out(names: list[str]) -> dict[str, Any]:
    """Return a backend that hands as many jobs to one as to another."""
    *some, last = names
    percent = round(100 / len(names), 2)
    return {
        "BACKEND": "taskyard.routing.RoutingBackend",
        "QUEUES": QUEUES,
        "OPTIONS": {"ROUTES": [{"percent": percent, "to": name} for name in some], "ELSE": last},
    }
