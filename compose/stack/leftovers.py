"""What a stack that was killed has left running: found again by process id and time of birth, and ended."""

import json
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FILE = "processes.json"


def write_down(data: Path, pids: Iterable[int]) -> None:
    """Note which processes run, each the first of a group of its own."""
    known = {str(pid): born for pid in pids if (born := _born(pid)) is not None}
    # At once or not at all: whoever kills us may do so in the middle of it.
    new = data / f"{FILE}.new"
    new.write_text(json.dumps(known))
    new.replace(data / FILE)


def end(data: Path) -> int:
    """Kill what the last stack of this folder has left; returns how many services there were."""
    try:
        known: dict[str, int] = json.loads((data / FILE).read_text())
    except FileNotFoundError:
        return 0
    ours = [int(pid) for pid, born in known.items() if _born(int(pid)) == born]
    for pid in ours:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    return len(ours)


def _born(pid: int) -> int | None:
    """Return when a process began, in the machine's own ticks; None where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold anything.
    return int(stat.rpartition(")")[2].split()[19])
