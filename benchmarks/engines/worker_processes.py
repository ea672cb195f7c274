"""Real worker processes, each with its children in a group of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.engines import effects

TIME_TO_STOP = 10.0


class WorkerTree:
    """A worker with its children."""

    def __init__(self, command: Sequence[str]) -> None:
        with _log().open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        """Kill the worker and its children, all at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Stop in order; what is left is killed."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(TIME_TO_STOP)
        self.kill()


def _log() -> Path:
    return effects.folder() / "workers.log"


@contextmanager
def running(commands: Sequence[Sequence[str]]) -> Iterator[list[WorkerTree]]:
    """Run workers for as long as the block does; where it fails, show what they said."""
    trees = [WorkerTree(command) for command in commands]
    try:
        yield trees
    except BaseException:
        sys.stderr.write(_log().read_text(errors="replace")[-5000:])
        raise
    finally:
        for tree in trees:
            tree.stop()
