"""Which engine carries the shop's jobs: the embedded one, unless SHOP_ENGINE names another.

Any adapter of `taskyard_adapters` will do, under the name of its engine: each package exports one backend.
"""

import os
from importlib import import_module
from typing import Any

NAME = os.environ.get("SHOP_ENGINE", "embedded")
"""The engine, as its adapter's folder is called: embedded, celery, django-q2, …"""

BROKER_URL = os.environ.get("SHOP_BROKER_URL", "redis://127.0.0.1:6379/0")
"""Where the broker is, for engines that need one."""

NEEDS_NO_BROKER = {"embedded", "django-q2"}
"""They keep their messages in the shop's own database."""


def needs_broker() -> bool:
    """Whether the engine needs another service than the database."""
    return NAME not in NEEDS_NO_BROKER


def backend() -> dict[str, Any]:
    """Return the backend and its options, as TASKS wants them."""
    package = f"taskyard_adapters.{NAME.replace('-', '_')}"
    [name] = import_module(package).__all__
    options = {"BROKER_URL": BROKER_URL, "PREFIX": "shop"} if needs_broker() else {}
    return {"BACKEND": f"{package}.{name}", "OPTIONS": options}


def apps() -> list[str]:
    """Return the apps that the engine brings."""
    return ["django_q"] if NAME == "django-q2" else []
