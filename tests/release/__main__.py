"""Build the distribution and use it as a stranger would: `python -m tests.release`.

Two builds must be alike, hold what they should, and run in a project outside this repository on every Python and
Django that the metadata names, as far as they are on this machine.
"""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .building import build, check_contents, check_metadata
from .outside import Outside
from .running import Unfit
from .supported import Pair, interpreter, pairs

AT_ONCE = 2
"""Outside projects that are tried out at a time."""


def main() -> int:
    """Check it all, and say what has been seen."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _check(Path(folder))
    except Unfit as fault:
        sys.stderr.write(f"{fault}\n")
        return 1


def _check(folder: Path) -> int:
    wheel, sdist = build(folder)
    check_contents(wheel, sdist)
    check_metadata(wheel)
    _say(f"{wheel.name} and {sdist.name}: built twice alike, complete, with valid metadata.")
    here = {pair: python for pair in pairs() if (python := interpreter(pair.python))}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tries = {pair: pool.submit(_try, wheel, pair, here[pair], folder / str(pair)) for pair in here}
    faults = [fault for each in tries.values() if (fault := each.exception())]
    for fault in faults:
        if not isinstance(fault, Unfit):
            raise fault
        sys.stderr.write(f"{fault}\n")
    _say_what_is_missing([pair for pair in pairs() if pair not in here])
    return 1 if faults or not here else 0


def _try(wheel: Path, pair: Pair, python: Path, folder: Path) -> None:
    Outside(wheel, pair, python, folder).check()
    _say(f"{pair}: an outside project ran a job, opened the console, and enqueued over HTTP.")


def _say_what_is_missing(missing: list[Pair]) -> None:
    pythons = sorted({pair.python for pair in missing})
    if pythons:
        _say(f"Not tried, for they are not on this machine: Python {', '.join(pythons)}.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
