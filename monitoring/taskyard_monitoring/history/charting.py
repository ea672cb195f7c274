"""The past as series for a chart, and as rates."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Literal, TypeVar

from taskyard.database import database_time, jobs_connection

from .histogram import percentile_of
from .periods import Period, known_parts, period
from .reading import Ended, EndedReader, Name, Numbers, Reader, TimesReader, merged
from .steps import MINUTE, TEN_MINUTES, TEN_SECONDS, Step, slots_between
from .tally import OTHERS

Measure = Literal["executed", "run", "wait"]
GroupBy = Literal["queue", "task", "engine", "worker", "outcome"]
Span = Literal["15m", "1h", "24h"]

SPANS: dict[str, tuple[timedelta, Step]] = {
    "15m": (timedelta(minutes=15), TEN_SECONDS),
    "1h": (timedelta(hours=1), MINUTE),
    "24h": (timedelta(hours=24), TEN_MINUTES),
}

MOST_SERIES = 8

FRESH = 4.0
"""Seconds for which a chart is shown again as it is."""

ALL = "all"
"""The one series of times by outcome: they are not kept apart."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart."""

    name: str
    values: list[float | None]
    """A value for each slot; None where there is none: nothing ran, or it was not read yet."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What happened, in equal slots of time."""

    slots: list[datetime]
    """When each begins, oldest first."""

    step: int
    """Seconds from one to the next."""

    series: list[Series]
    """The largest first; what is not among the largest stands last, as `others`."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What ended in a stretch of time."""

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    seconds: float = 0.0
    """How long the stretch is."""

    @property
    def finished(self) -> int:
        """How many jobs finished; those that are tried again have not."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def per_minute(self) -> float:
        """How many finished each minute."""
        return self.finished * 60 / self.seconds if self.seconds else 0.0

    @property
    def failure_ratio(self) -> float | None:
        """Which part of what was not cancelled failed, 0 to 1; None where nothing finished."""
        ended = self.succeeded + self.failed
        return self.failed / ended if ended else None


@dataclass(frozen=True, slots=True)
class Rates:
    """What ended lately, in all and by backend and queue."""

    five_minutes: Rate
    hour: Rate
    queues: dict[tuple[str, str], Rate]
    """Of the last five minutes, by backend and queue."""


def chart(measure: Measure, group_by: GroupBy, span: Span, percentile: float = 95) -> Chart:
    """Return a chart of the past.

    Args:
        measure: "executed" for how many attempts ended in a second; "run" for the seconds that they took;
            "wait" for those that jobs waited for them.
        group_by: what has a line of its own. By "outcome" only what was executed is told apart.
        span: how far back.
        percentile: of the times, 0 to 100.

    Raises:
        ValueError: for a measure, a group or a span that there is not.
        NotMigrated: where the table is missing.
    """
    question = (measure, group_by, span, percentile)
    return _kept(question, Chart, lambda: _chart(measure, group_by, span, percentile))


def rates() -> Rates:
    """Return what ended in the last five minutes and in the last hour.

    Raises:
        NotMigrated: where the table is missing.
    """
    return _kept("rates", Rates, _rates)


# --- kept for a few seconds ---

Answer = TypeVar("Answer", Chart, Rates)

_answers: dict[object, tuple[float, object]] = {}
_answers_lock = threading.Lock()

MOST_ANSWERS = 100


def _kept(question: object, kind: type[Answer], ask: Callable[[], Answer]) -> Answer:
    answered_at, known = _answers.get(question, (0.0, None))
    if isinstance(known, kind) and time.monotonic() < answered_at + FRESH:
        return known
    answer = ask()
    with _answers_lock:
        if len(_answers) >= MOST_ANSWERS:
            _answers.clear()
        _answers[question] = time.monotonic(), answer
    return answer


def forget() -> None:
    """Forget all that was read, as after the table was emptied."""
    _answers.clear()
    _ended_reader.cache_clear()
    _times_reader.cache_clear()


@cache
def _ended_reader(step: Step, *columns: str) -> EndedReader:
    return EndedReader(step, columns)


@cache
def _times_reader(step: Step, histogram: str, *columns: str) -> TimesReader:
    return TimesReader(step, columns, histogram)


# --- the chart ---


def _chart(measure: Measure, group_by: GroupBy, span: Span, percentile: float) -> Chart:
    if span not in SPANS:
        raise ValueError(f"There is no span {span!r}; those are {', '.join(SPANS)}.")
    if group_by not in ("queue", "task", "engine", "worker", "outcome"):
        raise ValueError(f"Nothing is grouped by {group_by!r}; try queue, task, engine, worker or outcome.")
    if measure not in ("executed", "run", "wait"):
        raise ValueError(f"There is no measure {measure!r}; those are executed, run and wait.")
    if not 0 < percentile <= 100:
        raise ValueError(f"{percentile!r} is no percentile; it must be above 0, and 100 at most.")
    length, step = SPANS[span]
    shown = period(step, length)
    if measure == "executed":
        series = _executed(shown, group_by)
    else:
        series = _times(shown, "run_times" if measure == "run" else "waits", group_by, percentile)
    return Chart(list(shown.slots), step.seconds, series)


def _executed(shown: Period, group_by: str) -> list[Series]:
    columns = () if group_by == "outcome" else (group_by,)
    found = _read(lambda step: _ended_reader(step, *columns), shown)
    if columns:
        counts = {
            slot: Counter({name: n.total() for (name,), n in each.items()}) for slot, each in found.items()
        }
    else:
        counts = {slot: merged(each.values()) for slot, each in found.items()}

    def values(names: frozenset[str]) -> list[float | None]:
        return [
            sum(counts[slot][name] for name in names) / shown.covered[slot] if slot in counts else None
            for slot in shown.slots
        ]

    return _largest(merged(counts.values()), values)


def _times(shown: Period, histogram: str, group_by: str, percentile: float) -> list[Series]:
    columns = () if group_by == "outcome" else (group_by,)
    found = _read(lambda step: _times_reader(step, histogram, *columns), shown)
    times = {
        slot: {(*name, ALL)[0]: numbers for name, numbers in each.items()} for slot, each in found.items()
    }
    totals: Counter[str] = Counter()
    for each in times.values():
        totals.update({name: numbers.total() for name, numbers in each.items()})

    def values(names: frozenset[str]) -> list[float | None]:
        return [
            percentile_of(merged(n for name, n in times.get(slot, {}).items() if name in names), percentile)
            for slot in shown.slots
        ]

    return _largest(totals, values)


def _read(reader_of: Callable[[Step], Reader[Numbers]], shown: Period) -> dict[datetime, dict[Name, Numbers]]:
    """Return the numbers of a chart's slots, by slot and name."""
    numbers = reader_of(shown.step).read(shown.settled, shown.now)
    parts = reader_of(TEN_SECONDS).read(shown.parts, shown.now) if shown.parts else {}
    made_up: dict[datetime, dict[Name, list[Numbers]]] = {}
    for part, found in parts.items():
        of_slot = made_up.setdefault(shown.step.slot_of(part), {})
        for name, each in found.items():
            of_slot.setdefault(name, []).append(each)
    return numbers | {
        slot: {name: merged(several) for name, several in found.items()} for slot, found in made_up.items()
    }


def _largest(
    totals: Mapping[str, int], values: Callable[[frozenset[str]], list[float | None]]
) -> list[Series]:
    """Return a series for each of the largest names, and one for all others."""
    names = sorted((name for name in totals if totals[name]), key=lambda name: (-totals[name], name))
    if len(names) > MOST_SERIES or OTHERS in names:
        names = [name for name in names if name != OTHERS][: MOST_SERIES - 1]
        rest = frozenset(totals) - set(names)
        return [*(Series(name, values(frozenset([name]))) for name in names), Series(OTHERS, values(rest))]
    return [Series(name, values(frozenset([name]))) for name in names]


# --- rates ---


def _rates() -> Rates:
    now = database_time(jobs_connection())
    begun = MINUTE.slot_of(now - timedelta(minutes=5))
    lately = known_parts(begun, now)
    before = list(slots_between(MINUTE, begun - timedelta(minutes=55), begun - timedelta(minutes=1)))
    queues: dict[Name, list[Ended]] = {}
    for found in _ended_reader(TEN_SECONDS, "backend", "queue").read(lately, now).values():
        for name, ended in found.items():
            queues.setdefault(name, []).append(ended)
    by_queue = {(backend, queue): merged(several) for (backend, queue), several in queues.items()}
    in_all = merged(by_queue.values())
    hour = merged(n for found in _ended_reader(MINUTE).read(before, now).values() for n in found.values())
    seconds = len(lately) * TEN_SECONDS.seconds
    return Rates(
        five_minutes=_rate(in_all, seconds),
        hour=_rate(merged([hour, in_all]), seconds + len(before) * MINUTE.seconds),
        queues={name: _rate(ended, seconds) for name, ended in by_queue.items()},
    )


def _rate(ended: Ended, seconds: float) -> Rate:
    return Rate(ended["succeeded"], ended["failed"], ended["cancelled"], seconds)
