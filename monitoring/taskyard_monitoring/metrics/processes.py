"""What many processes count, in one folder: prometheus_client's multiprocess mode, kept from growing.

Each process counts in mapped files named after its id. One whose process is gone still counts, or sums would
go backwards; so what the dead have left is added up in one file for all of them.
"""

import logging
import os
import struct
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus_client is told the folder, before it is first imported."""

SUMMED = ("counter", "histogram", "summary")
"""The kinds of metrics that are summed over all processes, dead ones included."""

_OF_THE_DEAD = "dead"
"""Stands in a file's name where others have the process's id."""


class _Counted(Collector):
    """What the processes that share a folder have counted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def collect(self) -> Iterable[Metric]:
        # One that a process is about to begin is empty, and could not be read.
        files = [str(path) for path in self._path.glob("*.db") if path.stat().st_size]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


class Folder:
    """Where processes count, until the last of them is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def registry(self) -> CollectorRegistry:
        """Return what reads the folder whenever it is collected; to be used under `held`."""
        registry = CollectorRegistry()
        registry.register(_Counted(self.path))
        return registry

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep all others, threads and processes, from reading or tidying the folder meanwhile."""
        import fcntl  # noqa: PLC0415 - where there are no workers, on Windows, there is none

        with (self.path / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def tidy(self) -> None:
        """Add up what dead processes have left."""
        with self.held():
            files = {path: _process_of(path) for path in self.path.glob("*_*.db")}
            dead = {pid for pid in files.values() if pid is not None and not _is_alive(pid)}
            for pid in dead:
                mark_process_dead(pid, path=str(self.path))  # type: ignore[no-untyped-call]
            for kind in SUMMED:
                left = [
                    path for path, pid in files.items() if pid in dead and path.name.startswith(f"{kind}_")
                ]
                if left:
                    self._add_up(kind, left)

    def _add_up(self, kind: str, left: Iterable[Path]) -> None:
        total = self.path / f"{kind}_{_OF_THE_DEAD}.db"
        sums: defaultdict[str, float] = defaultdict(float)
        for path in (total, *left):
            for key, value in _values(path):
                sums[key] += value
        # Beside it and then in its place, so that there is no instant in which it says less than before.
        draft = self.path / f"{kind}_{_OF_THE_DEAD}.draft"
        draft.unlink(missing_ok=True)
        written = MmapedDict(str(draft))  # type: ignore[no-untyped-call]
        for key, value in sums.items():
            written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
        written.close()  # type: ignore[no-untyped-call]
        draft.replace(total)
        for path in left:
            path.unlink(missing_ok=True)


def _process_of(path: Path) -> int | None:
    """Return the id of the process that counts in a file; None for that of the dead."""
    pid = path.stem.rpartition("_")[2]
    return int(pid) if pid.isdecimal() else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _values(path: Path) -> Iterator[tuple[str, float]]:
    """Read a file's values; one that its process had no time to begin has none."""
    if not path.exists():
        return
    try:
        values = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
        for key, value, _, _ in values:
            yield key, value
    except (struct.error, RuntimeError):
        logger.warning("What a dead process has counted in %s is not readable and left out.", path.name)


@contextmanager
def folder_for_children() -> Iterator[Folder]:
    """Have the processes that are started within the block count in a folder of their own.

    A folder that the site has chosen is used as it is, and stays.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        path = Path(chosen)
        path.mkdir(parents=True, exist_ok=True)
        yield Folder(path)
        return
    # Late writers may add files while it is deleted: they have been told to stop, and are.
    with tempfile.TemporaryDirectory(prefix="taskyard-metrics-", ignore_cleanup_errors=True) as made:
        os.environ[VARIABLE] = made
        try:
            yield Folder(Path(made))
        finally:
            with suppress(KeyError):
                del os.environ[VARIABLE]
