"""The running stack: brought up in order, watched over, stopped in order."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from . import leftovers
from .layout import Layout
from .process import Ending, Running
from .publishing import publish
from .reading import Service, levels

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds before what died is started again; twice as many each time that it dies soon after."""

SOON = 10.0
"""Seconds."""


class Stack:
    """All services together."""

    def __init__(self, layout: Layout, tell: Callable[[str], None]) -> None:
        """Take what is laid out; what happens is told in sentences."""
        self.layout = layout
        self._tell = tell
        self._running: dict[str, list[Running]] = {}
        self._watching: list[asyncio.Task[None]] = []
        self._contexts = AsyncExitStack()
        self._pids: set[int] = set()

    async def up(self) -> None:
        """Start every service once those that it depends on are ready, and publish their ports.

        Raises:
            FailedToStart: where one does not come up; the others are left to `down`.
        """
        (self.layout.data / "log").mkdir(exist_ok=True)
        ready: dict[str, asyncio.Task[None]] = {}
        for group in levels(self.layout.services):
            for service in group:
                before = [ready[name] for name in service.depends_on if name in ready]
                ready[service.name] = asyncio.create_task(self._bring_up(service, before))
        try:
            await asyncio.gather(*ready.values())
        finally:
            for task in ready.values():
                task.cancel()
            await asyncio.gather(*ready.values(), return_exceptions=True)
        for each in self.layout.published:
            await publish(self._contexts, each.port, each.host, each.target)

    async def _bring_up(self, service: Service, before: list[asyncio.Task[None]]) -> None:
        # Waits for tasks that others wait for, too: theirs to fail, not ours to cancel.
        await asyncio.gather(*map(asyncio.shield, before))
        began = time.monotonic()
        log = self.layout.data / "log"
        replicas = [Running(plan, log / f"{plan.name}.log") for plan in self.layout.plans[service.name]]
        self._running[service.name] = []
        for each in replicas:
            await self._start(each)
            self._running[service.name].append(each)
        if service.is_job:
            await asyncio.gather(*(each.finish() for each in replicas))
            del self._running[service.name]
            self._tell(f"{service.name} has done its work in {time.monotonic() - began:.1f} s.")
            return
        await asyncio.gather(*(each.become_healthy() for each in replicas))
        self._watching += [asyncio.create_task(self._watch(each)) for each in replicas]
        self._tell(f"{service.name} is well after {time.monotonic() - began:.1f} s.")

    async def _watch(self, running: Running) -> None:
        """Start a service again when it dies, as its restart policy says."""
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            code = await running.ended()
            await running.clear_away()
            again = running.plan.service.restart != "on-failure" or code
            then = "it is started again" if again else "it stays so"
            self._tell(
                f"{running.name} has died with exit code {code}; {then}. "
                f"The end of {running.log}:\n{running.last_words()}"
            )
            if not again:
                return
            delay = FIRST_DELAY if time.monotonic() - began > SOON else min(2 * delay, LONGEST_DELAY)
            await asyncio.sleep(delay)
            await self._start(running)

    async def _start(self, running: Running) -> None:
        await running.start()
        self._pids.add(running.pid)
        leftovers.write_down(self.layout.data, self._pids)

    def running(self, name: str) -> list[Running]:
        """Return the processes of a service."""
        return self._running.get(name, [])

    async def down(self, between: Callable[[], None]) -> list[Ending]:
        """Stop all services, those first that others do not depend on; returns how each ended.

        Args:
            between: called when nothing of our own runs any more, and the database still does.
        """
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        groups = levels(self.layout.services)[::-1]
        endings = [ending for group in groups for ending in await self._stop(group, ours=True)]
        try:
            between()
        finally:
            endings += [ending for group in groups for ending in await self._stop(group, ours=False)]
            await self._contexts.aclose()
        return endings

    async def _stop(self, group: list[Service], *, ours: bool) -> list[Ending]:
        return await asyncio.gather(
            *(
                self._stop_one(running)
                for service in group
                if bool(service.build) == ours
                for running in self.running(service.name)
            )
        )

    async def _stop_one(self, running: Running) -> Ending:
        ending = await running.stop()
        self._tell(f"{running.name} {ending}.")
        return ending

    def kill(self) -> None:
        """Wait for nobody any longer."""
        for replicas in self._running.values():
            for each in replicas:
                each.kill()
