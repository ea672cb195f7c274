"""Where a stack keeps its data."""

import os
from hashlib import sha256
from pathlib import Path

from .places import ROOT

SHARED = Path("/var/tmp")  # noqa: S108 - the folder in it is this user's


def usual_folder() -> Path:
    """Return the folder of this clone's stack.

    Servers that root starts become somebody else, who must be able to get there: where the clone is in a
    place of root's own, the data are not.
    """
    if os.geteuid() or is_open(ROOT):
        return ROOT / "project" / "var" / "stack"
    return SHARED / f"taskyard-stack-{sha256(str(ROOT).encode()).hexdigest()[:8]}"


def is_open(folder: Path) -> bool:
    """Whether other users may get to what is in a folder."""
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
