"""Slots for an engine that has no worker of its own: threads and an event loop to run claimed jobs on.

A slot is taken while the task's own code runs. Writing the outcome needs none: under load the next job runs
meanwhile, and many outcomes go in one statement.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from taskyard.models import Job
from taskyard.transitions import Outcome

from .event_loop import LoopThread
from .interruption import InterruptibleCoroutine
from .live import Live, LiveJobs

AHEAD = 0.05
"""Seconds of work to claim ahead of the free slots: short jobs then never wait for a claim, and long ones
are never claimed before their turn."""

MOST_AHEAD = 200

WRITING = 32
"""Threads beyond the slots, for jobs whose outcome is being written."""


class Runner:
    """Runs jobs in as many slots as it was given.

    Args:
        concurrency: how many tasks run at once.
        jobs: runs each of them.
        on_free: called from any thread whenever there is room again.
    """

    def __init__(self, concurrency: int, jobs: LiveJobs, on_free: Callable[[], object]) -> None:
        self.concurrency = concurrency
        self._jobs = jobs
        self._on_free = on_free
        self._threads = ThreadPoolExecutor(concurrency + WRITING, thread_name_prefix="taskyard-job")
        self._loop = LoopThread()
        self._lock = threading.Lock()
        self._next: deque[Live] = deque()
        self._slots_taken = 0
        self._pace = Pace()

    @property
    def room(self) -> int:
        """How many jobs to claim: for the free slots, and for those that will be free in a moment."""
        ahead = min(MOST_AHEAD, int(self._pace.per_second * AHEAD))
        return max(0, self.concurrency + ahead - self._slots_taken - len(self._next))

    @property
    def has_free_slot(self) -> bool:
        """Whether a job could start at once."""
        return self._slots_taken + len(self._next) < self.concurrency

    def start(self, job: Job) -> None:
        """Start a claimed job as soon as there is a slot."""
        live = self._jobs.add(job)
        with self._lock:
            self._next.append(live)
        self._fill_slots()

    def unstarted(self, older_than: float = 0.0) -> list[Outcome]:
        """Give up the jobs that wait here for a slot for so many seconds; return what to record for them."""
        before = time.monotonic() - older_than
        with self._lock:
            given_up = [live for live in self._next if live.claimed <= before]
            for live in given_up:
                self._next.remove(live)
        for live in given_up:
            self._jobs.forget(live)
        return [live.run.released() for live in given_up]

    def close(self) -> None:
        """Give up the threads and the loop."""
        self._loop.close()
        self._threads.shutdown(wait=not self._jobs)

    def _fill_slots(self) -> None:
        while True:
            with self._lock:
                if not self._next or self._slots_taken >= self.concurrency:
                    return
                live = self._next.popleft()
                self._slots_taken += 1
            live.on_called = _Once(self._free_slot)
            if isinstance(live.interruptible, InterruptibleCoroutine):
                self._loop.submit(self._jobs.arun(live)).add_done_callback(lambda _: self._on_free())
            else:
                self._threads.submit(self._jobs.run, live).add_done_callback(lambda _: self._on_free())

    def _free_slot(self) -> None:
        with self._lock:
            self._slots_taken -= 1
        self._pace.note()
        self._fill_slots()
        self._on_free()


class _Once:
    """Calls a function the first time it is called."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._functions = [function]

    def __call__(self) -> None:
        if self._functions:
            self._functions.pop()()


class Pace:
    """How many jobs a process ends in a second, from the latest of them."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=64)

    def note(self) -> None:
        """Note that a job ended now."""
        self._ends.append(time.monotonic())

    @property
    def per_second(self) -> float:
        """The pace; 0 where it is not known yet."""
        ends = self._ends
        if len(ends) < 2:
            return 0.0
        return len(ends) / max(time.monotonic() - ends[0], 0.001)
