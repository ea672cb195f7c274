"""What one installation has to itself: written once by compose/new-env, kept beside the data."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from .places import ROOT

NEW_ENV = ROOT / "compose" / "new-env"


def variables(data: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this data folder; the environment overrides them, and what is given both."""
    kept = data / ".env"
    if not kept.exists():
        fresh = subprocess.run([NEW_ENV], capture_output=True, check=True)  # noqa: S603 - our own
        kept.touch(0o600)
        kept.write_bytes(fresh.stdout)
    found = {name: value or "" for name, value in dotenv_values(kept, interpolate=False).items()}
    overridden = {name: os.environ[name] for name in found if name in os.environ}
    return {**found, **overridden, **given}
