"""A service's process: started, asked how it is, stopped, and nothing of it left behind."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .plan import Plan

LAST_WORDS = 15
"""So many lines of a log are shown where something went wrong."""

BETWEEN_LOOKS = 1.0
"""Seconds between two looks at the health of something that starts."""

SLOW_MACHINE = 2.0
"""Here all start at once on the same few processors: they get so many times as long as in containers."""


class FailedToStart(Exception):
    """A service that ended, or was not well in time."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a service ended when it was asked to."""

    name: str
    code: int
    seconds: float
    left: int
    """Processes that were still there after it, and were killed."""

    killed: bool
    stop_signal: int

    @property
    def is_clean(self) -> bool:
        """Whether it did what it was asked: ended in time, by itself, and with all of its own."""
        expected = {0, -self.stop_signal, 128 + self.stop_signal}
        return not self.killed and not self.left and self.code in expected

    def __str__(self) -> str:
        if self.killed:
            return f"did not stop within {self.seconds:.0f} s and was killed"
        how = f"by {signal.Signals(-self.code).name}" if self.code < 0 else f"with exit code {self.code}"
        left = f"; {self.left} processes that it had left were killed" if self.left else ""
        return f"ended {how} after {self.seconds:.1f} s{left}"


class Running:
    """One service of the stack."""

    def __init__(self, plan: Plan, log: Path) -> None:
        """Take note of what is to be run; its output goes to the log."""
        self.plan = plan
        self.log = log
        self._process: Process | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.plan.name

    @property
    def pid(self) -> int:
        """Its process id, which is its group's as well."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, in a group of its own: Ctrl-C at the terminal reaches us alone."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.plan.command,
                env=self.plan.environment,
                cwd=self.plan.folder,
                user=self.plan.user,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,
            )

    async def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def finish(self) -> None:
        """Wait until what does something once has done it.

        Raises:
            FailedToStart: where it failed.
        """
        if await self.ended():
            raise FailedToStart(self._what_went_wrong())

    async def become_healthy(self) -> None:
        """Wait until its health check says that it is well.

        Raises:
            FailedToStart: where it ends instead, or is not well in time.
        """
        if self.plan.health is None:
            return
        patience = self.plan.health.patience * SLOW_MACHINE
        said = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while True:
                    began = time.monotonic()
                    healthy, said = await self.look()
                    if self._has_ended():
                        raise FailedToStart(self._what_went_wrong())
                    if healthy:
                        return
                    # Some checks are programs that take seconds: they shall not take them from what starts.
                    await asyncio.sleep(max(BETWEEN_LOOKS, time.monotonic() - began))
        raise FailedToStart(
            f"{self.name} was not well within {patience:.0f} s. Its health check says: {said.strip()}\n"
            f"{self._what_went_wrong()}"
        )

    async def look(self) -> tuple[bool, str]:
        """Run the health check once; returns whether it is well, and what the check says."""
        if self.plan.health is None:
            return not self._has_ended(), ""
        async with _killed_at_the_end(
            await asyncio.create_subprocess_exec(
                *self.plan.health.command,
                env=self.plan.environment,
                cwd=self.plan.folder,
                stdin=DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=STDOUT,
                start_new_session=True,
            )
        ) as asked:
            try:
                said, _ = await asyncio.wait_for(asked.communicate(), self.plan.health.timeout * SLOW_MACHINE)
            except TimeoutError:
                return False, "no answer in time"
            return asked.returncode == 0, said.decode(errors="replace")

    async def stop(self) -> Ending:
        """Ask it to stop, wait as long as it may take, and see that nothing of it stays."""
        assert self._process is not None
        began = time.monotonic()
        with suppress(ProcessLookupError):
            self._process.send_signal(self.plan.stop_signal)
        killed = False
        try:
            code = await asyncio.wait_for(self._process.wait(), self.plan.service.grace)
        except TimeoutError:
            killed = True
            self.kill()
            code = await self._process.wait()
        seconds = time.monotonic() - began
        left = await self.clear_away()
        return Ending(self.name, code, seconds, left, killed, self.plan.stop_signal)

    async def clear_away(self) -> int:
        """Kill what an ended process has left of its group; returns how many there were."""
        for command in self.plan.after:
            done = await asyncio.create_subprocess_exec(
                *command, env=self.plan.environment, stdout=DEVNULL, stderr=DEVNULL
            )
            await done.wait()
        left = len(members(self.pid))
        self.kill()
        return left

    def last_words(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
        return "\n".join(f"    {line}" for line in lines)

    def _has_ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    def kill(self) -> None:
        """Kill it, and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _what_went_wrong(self) -> str:
        code = self._process.returncode if self._process else None
        ended = f"{self.name} ended with exit code {code}. " if code is not None else ""
        return f"{ended}The end of {self.log}:\n{self.last_words()}"


@asynccontextmanager
async def _killed_at_the_end(process: Process) -> AsyncIterator[Process]:
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def members(group: int) -> list[int]:
    """Return the processes of a group that live, zombies aside."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in parentheses, may hold anything.
            state, _, pgrp = entry.read_text().rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state not in {"Z", "X"}:
                found.append(int(entry.parent.name))
    return found
