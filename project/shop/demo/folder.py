"""The folder a demo starts from: empty, and safe to empty again next time."""

import shutil
from pathlib import Path

from .errors import DemoError

MARK = ".taskyard-demo"


def prepare(folder: Path, database: Path) -> None:
    """Leave an empty folder and no database behind.

    Only a folder that an earlier demo marked as its own is emptied: nobody loses their home
    directory to a slip in `--dir`.
    """
    mark = folder / MARK
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise DemoError(
            f"{folder} is not empty and no demo made it. Name a new or an empty folder with --dir."
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
