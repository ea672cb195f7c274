"""What a cut did, in numbers, from the lines that jobs left and the lines that workers logged."""

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

USUAL = 10.0
"""Seconds before a cut from which the usual wait is taken."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a job, or whoever enqueued it, left."""

    at: float
    event: str
    backend: str
    number: int
    host: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a line."""
        at, event, backend, number, host = text.split()
        return cls(float(at), event, backend, int(number), host)


@dataclass(frozen=True, slots=True)
class Cut:
    """When a network carried nothing, and how long to look at what came of it."""

    network: str
    begun: float
    healed: float
    until: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One backend through one cut; times in seconds."""

    enqueued: int
    """Jobs enqueued during the cut."""

    went_on: float | None
    """From the cut to the last job that the cut-off worker began during it; None: it began none."""

    in_hand: int
    """Jobs that ran there when the cut was made, or were begun there afterwards, until it was healed."""

    twice: int
    """Jobs that ran more than once."""

    taken_over: tuple[float, float] | None
    """From the cut to their first and last second start."""

    usual_wait: float
    """Median from when a job could run to its start, before the cut."""

    longest_wait: float
    """The longest of those that were enqueued during the cut."""

    back: float | None
    """From the healing to the next job that the cut-off worker began; None: it began none."""

    lost: int
    """Jobs that never ended."""

    def as_data(self) -> dict[str, Any]:
        """Return them as JSON wants them."""
        return asdict(self)


def figures(lines: Iterable[Line], cut: Cut, delay: float = 0.0, late: Iterable[int] = ()) -> Figures:
    """Return what a cut did to one backend.

    Args:
        lines: of that backend.
        cut: the cut.
        delay: seconds that some jobs were put off by.
        late: the numbers of these.
    """
    by_event = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.at):
        by_event[line.event].append(line)
    late = set(late)
    due = {line.number: line.at + delay * (line.number in late) for line in by_event["enqueued"]}
    starts = defaultdict(list)
    for line in by_event["started"]:
        starts[line.number].append(line)
    ended = {line.number for line in by_event["ended"]}
    again = {
        number: [line.at - cut.begun for line in lines[1:] if cut.begun <= line.at < cut.until]
        for number, lines in starts.items()
    }
    seconds = [each for found in again.values() for each in found]
    far = [line.at for line in by_event["started"] if line.host == "far"]
    during = [at for at in far if cut.begun <= at < cut.healed]
    after = [at for at in far if cut.healed <= at < cut.until]

    def waits(begin: float, end: float) -> list[float]:
        return [
            starts[number][0].at - at for number, at in due.items() if begin <= at < end and number in starts
        ]

    return Figures(
        enqueued=sum(cut.begun <= line.at < cut.healed for line in by_event["enqueued"]),
        went_on=round(during[-1] - cut.begun, 1) if during else None,
        in_hand=len(_running(by_event["started"], by_event["ended"], cut.begun)) + len(during),
        twice=sum(map(bool, again.values())),
        taken_over=(round(min(seconds), 1), round(max(seconds), 1)) if seconds else None,
        usual_wait=round(statistics.median(waits(cut.begun - USUAL, cut.begun) or [0.0]), 3),
        longest_wait=round(max(waits(cut.begun, cut.healed) or [0.0]), 1),
        back=round(after[0] - cut.healed, 1) if after else None,
        lost=len(set(due) - ended),
    )


def _running(started: Sequence[Line], ended: Sequence[Line], at: float) -> set[int]:
    """Return the jobs that ran on the cut-off host at a moment."""
    begun = {line.number for line in started if line.host == "far" and line.at < at}
    return begun - {line.number for line in ended if line.host == "far" and line.at < at}


# --- what workers said ---

IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[\w.-]+:\d+\.[0-9a-f]{12}|far\.[0-9a-f]{12}")


def said(log: str, begin: float, end: float) -> list[tuple[float, int, str]]:
    """Return the warnings and errors of a span of time: seconds from its beginning, how often, the words.

    Lines that differ only in ids count as one.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for line in log.splitlines():
        at, _, rest = line.partition(" ")
        level, _, words = rest.partition(" ")
        if level in {"WARNING", "ERROR"} and re.fullmatch(r"\d+\.\d+", at) and begin <= float(at) < end:
            found[IDS.sub("…", words)].append(float(at) - begin)
    return sorted((round(times[0], 1), len(times), words) for words, times in found.items())
