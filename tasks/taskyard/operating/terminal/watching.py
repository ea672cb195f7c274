"""Jobs on a terminal as they change; where there is no terminal, a line for each change."""

import time
from collections.abc import Iterator
from uuid import UUID

from django.db import close_old_connections
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from taskyard.models import Job
from taskyard.operating.presenting import note, shown_progress, shown_state
from taskyard.operating.search import Search
from taskyard.results import find_job

from .job_pages import job_list, job_page
from .screen import plain

PAUSE = 0.5
"""Seconds between two looks."""


def watch_job(console: Console, job_id: UUID) -> str:
    """Show a job until it is finished, and return the state it finished in.

    Raises:
        TaskResultDoesNotExist: where it is pruned meanwhile.
    """
    looks = _looks_at(job_id)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for job in looks:
                live.update(_job_now(job), refresh=True)
    else:
        _tell_changes(console, ([job] for job in looks))
    job = find_job(job_id)
    return shown_state(job)


def watch_jobs(console: Console, search: Search, size: int) -> None:
    """Show the newest of the jobs that are looked for, until Ctrl-C."""
    try:
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                for page in _pages(search, size):
                    live.update(
                        Group(job_list(page, console.width), Text("Ctrl-C ends.", "dim")), refresh=True
                    )
        else:
            _tell_changes(console, _pages(search, size))
    except KeyboardInterrupt:
        return


def _pages(search: Search, size: int) -> Iterator[list[Job]]:
    while True:
        yield search.page(size=size).jobs
        _pause()


def _looks_at(job_id: UUID) -> Iterator[Job]:
    while True:
        job = find_job(job_id)
        yield job
        if job.is_finished:
            return
        _pause()


def _pause() -> None:
    close_old_connections()
    time.sleep(PAUSE)


def _tell_changes(console: Console, looks: Iterator[list[Job]]) -> None:
    told: dict[UUID, tuple[str, int, str]] = {}
    for jobs in looks:
        now = {job.pk: (shown_state(job), job.attempt, shown_progress(job)) for job in jobs}
        for job in reversed(jobs):
            if told.get(job.pk) != now[job.pk]:
                console.print(plain(f"{job.pk} {job.task} {shown_state(job)} {note(job)}").rstrip())
        told = now


def _job_now(job: Job) -> RenderableType:
    if job.is_finished or not shown_progress(job):
        return job_page(job)
    progress = job.progress
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns)
    bar.add_task(
        plain(str(progress.get("message") or "progress")),
        total=progress.get("total"),
        completed=progress["done"],
    )
    return Group(job_page(job), bar)
