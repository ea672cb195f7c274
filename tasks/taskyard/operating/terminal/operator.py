"""Who types a command, and why."""

import getpass
import os
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from taskyard.operating.audit import COMMAND_LINE, Operator


def add_reason(parser: CommandParser) -> None:
    """Declare the option that says why something is done."""
    parser.add_argument(
        "--reason", default="", metavar="WHY", help="Why, for those who read the audit later."
    )


def operator_of(options: Mapping[str, Any]) -> Operator:
    """Return who types the command, by their login unless it says otherwise."""
    return Operator(options.get("by") or _login(), COMMAND_LINE, options["reason"])


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return f"uid {os.getuid()}"
