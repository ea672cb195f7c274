"""Jobs on a terminal: a table of several, and all about one."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from textwrap import indent

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taskyard.fields import CorruptJSON
from taskyard.models import Job
from taskyard.operating import presenting
from taskyard.operating.search import WINDOW, Page

from .screen import plain, state, table

NARROW = 140
"""Columns below which a job takes two lines of a terminal."""


def job_list(jobs: Iterable[Job], width: int) -> RenderableType:
    """Return a row for each job, or two lines where a row would not fit."""
    return _rows(jobs) if width >= NARROW else Group(*(_two_lines(job) for job in jobs))


def _rows(jobs: Iterable[Job]) -> Table:
    rows = table("ID", "State", "Task", "Queue", "Enqueued", "Tries", "Note", right=("Tries",))
    for job in jobs:
        rows.add_row(
            str(job.pk),
            state(presenting.shown_state(job)),
            job.task,
            job.queue,
            presenting.age(job.enqueued_at),
            str(job.attempt or ""),
            _line(presenting.note(job))[:LONGEST_NOTE],
        )
    return rows


LONGEST_NOTE = 100


def _two_lines(job: Job) -> Text:
    first = Text.assemble(
        *(str(job.pk), " ", state(f"{presenting.shown_state(job):<10}")),
        *(" ", job.queue, ", ", presenting.age(job.enqueued_at)),
        f", {job.attempt} tries" if job.attempt > 1 else "",
    )
    second = "  ".join(filter(None, [f"  {job.task}{presenting.shown_call(job)}", presenting.note(job)]))
    lines = Text("\n").join([first, Text(_line(second), "dim")])
    lines.no_wrap, lines.overflow = True, "ellipsis"
    return lines


def _line(text: str) -> str:
    return plain(text).replace("\n", " ")


def where_it_ends(page: Page) -> str:
    """Return what stands under a page of jobs."""
    if page.is_end_of_window:
        return f"Looked through {WINDOW:,} jobs. For older ones: --before {page.go_on_before}"
    if page.go_on_before is not None:
        return f"For older ones: --before {page.go_on_before}"
    return "" if page.jobs else "No such jobs."


def job_page(job: Job) -> RenderableType:
    """Return all about a job."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(job):
        if value:
            facts.add_row(name, value if isinstance(value, Text) else plain(value))
    return Group(facts, *_attempts(job))


def _facts(job: Job) -> Iterator[tuple[str, str | Text]]:
    yield "id", str(job.pk)
    yield "task", f"{job.task}{presenting.shown_call(job)}"
    yield "state", state(presenting.shown_state(job))
    yield "queue", f"{job.queue}, backend {job.backend}, priority {job.priority}"
    for name, moment in presenting.moments(job):
        yield name, _moment(moment)
    yield "attempt", str(job.attempt or "")
    yield "took" if job.is_finished else "runs for", presenting.run_time(job)
    yield "worker", job.worker
    yield "schedule", f"{job.schedule}, for {_moment(job.slot)}" if job.schedule else ""
    yield "unique key", job.unique_key or ""
    yield "progress", presenting.shown_progress(job)
    yield "tags", presenting.shown_tags(job)
    yield "metadata", presenting.shown_metadata(job)
    yield "returned", presenting.shown_return_value(job)


def _attempts(job: Job) -> Iterator[RenderableType]:
    if isinstance(job.attempts, CorruptJSON):
        yield Text(plain(f"\nattempts: {presenting.shown_json(job.attempts)}"), "red")
    for entry in job.history():
        ended = _moment(_time(entry.get("ended_at")))
        yield Text(plain("\n" + ", ".join(filter(None, [presenting.shown_attempt(entry), ended]))), "bold")
        if "error" in entry:
            traceback = entry["error"]["traceback"].strip() or entry["error"]["type"]
            yield Text(indent(plain(traceback), "  "))  # no Padding, which fills each line up


def _moment(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return f"{presenting.local_time(moment):%Y-%m-%d %H:%M:%S} ({presenting.age(moment)})"


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
