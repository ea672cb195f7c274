"""The WebSocket, by Django Channels: what clients ask for comes in, what happens to jobs goes out.

A socket keeps neither a thread nor a connection to the database: its news comes from the watcher of this
process, which looks for all listeners together.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseProblem

from taskyard_monitoring.console.viewer import Viewer, viewer_of
from taskyard_monitoring.scope import NOTHING, Scope, scope_of

from .asking import Ask, Unclear, parse_ask
from .ending import end_with_process
from .interest import Interest
from .listener import Ended, Full, Listener
from .news import News

logger = logging.getLogger(__name__)

LONGEST_MESSAGE = 16 * 1024
"""Characters of a client's message."""

MOST_TOPICS = 200
"""Jobs and queues that one socket may listen to."""

BURST, PER_SECOND = 50.0, 20.0
"""Messages that a client may send at once, and per second in the long run."""

HEARTBEAT_INTERVAL = 25.0
"""Seconds without news after which a heartbeat is sent: proxies cut off who sends nothing for long."""

SLOWEST = 20.0
"""Seconds that a client may take to accept one message, after which it is dropped."""

RECHECK = 120.0
"""Seconds after which is looked anew whether the session lives, and what its user may see."""

FAREWELL = 5.0
"""Seconds that a closed socket has until nothing is left of it, whatever its client does."""


TOLD = {"job", "trouble", "missed"}
"""The news that clients hear; what else there is belongs to the console's pages."""


class Close(IntEnum):
    """Why a socket is closed: 4000 and what HTTP would say. Of the standard's codes servers send but few."""

    BAD_REQUEST = 4400
    NOT_SIGNED_IN = 4401
    NOT_ALLOWED = 4403
    TOO_LARGE = 4413
    TOO_MANY = 4429
    FAILED = 4500
    COME_BACK = 4503


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One open socket."""

    # None of its own in the channel layer: that wakes the watcher, and the watcher tells us.
    channel_layer_alias = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket until it is closed, by whomever; nothing is left of it then."""
        sending = asyncio.Lock()

        async def send_in_time(message: Any) -> None:
            async with asyncio.timeout(SLOWEST), sending:
                if self._is_open or message["type"] != "websocket.send":  # nothing comes after the closing
                    await send(message)

        try:
            async with asyncio.timeout(None) as self._life, AsyncExitStack() as self._until_closed:
                self._is_open = False
                try:
                    await super().__call__(scope, receive, send_in_time)
                finally:
                    self._is_open = False
        except TimeoutError:
            logger.info("A client of the WebSocket is dropped: it does not take what it is sent.")
        except OSError as error:
            logger.debug("A client of the WebSocket went away while it was being told something: %s", error)

    async def connect(self) -> None:
        """Begin to tell news, or say why not."""
        # A browser is shown the code of a closed socket, but nothing of one that was never accepted.
        await self.accept()
        self._is_open = True
        user = _user_of(self.scope)
        self._rights = await _rights_of(user)
        if not self._rights.any:
            await self._refuse(user)
            return
        end_with_process()
        self._allowance = Allowance(PER_SECOND, BURST)
        self._interest = Interest()
        self._answering = asyncio.Lock()
        self._listener = Listener(self._rights.scope, self._interest, self._rights.viewer)
        await self._until_closed.enter_async_context(_meanwhile(self._tell()))
        await asyncio.sleep(0)  # it listens before anything is asked

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close the socket, once, and soon be done with it: not every client and server answers."""
        if self._is_open:
            self._is_open = False
            self._end_in(FAREWELL)
            await super().close(None if code is None else int(code), reason)  # Daphne takes no enumeration

    def _end_in(self, seconds: float) -> None:
        if not self._life.expired():
            self._life.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _refuse(self, user: Any) -> None:
        if user.is_authenticated:
            await self.close(Close.NOT_ALLOWED, "You may not see any jobs.")
        else:
            await self.close(Close.NOT_SIGNED_IN, "Sign in, then connect again.")

    # --- what comes in ---

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Follow a message of the client."""
        if not self._is_open:
            return  # it crossed our closing
        if text_data is None:
            await self.close(Close.BAD_REQUEST, "Send text, not binary frames.")
        elif len(text_data) > LONGEST_MESSAGE:
            await self.close(Close.TOO_LARGE, f"A message has {LONGEST_MESSAGE} characters at most.")
        elif not self._allowance.take():
            await self.close(Close.TOO_MANY, f"Send {PER_SECOND:g} messages a second at most.")
        else:
            try:
                await self._follow(parse_ask(text_data))
            except Unclear as fault:
                await self._say("error", error=str(fault))

    async def _follow(self, ask: Ask) -> None:
        if ask.topic is None:
            await self._say("pong", ping=ask.ping)
            return
        wanted = ask.applied_to(self._interest)
        if len(wanted.jobs) + len(wanted.queues) > MOST_TOPICS:
            raise Unclear(f"A socket listens to {MOST_TOPICS} jobs and queues at most: unsubscribe first.")
        async with self._answering:  # no news of it comes before the answer, and none after it is missed
            self._interest = wanted
            self._listener.want(wanted)
            await self._say(f"{ask.verb}d", **ask.topic.as_data())

    # --- what goes out ---

    async def _tell(self) -> None:
        try:
            async with self._listener:
                await self._pass_on()
        except Ended:
            await self.close(Close.COME_BACK, "This server is being restarted: connect again.")
        except Full:
            await self.close(Close.COME_BACK, "Too many listen to this server: connect again in a while.")
        except asyncio.CancelledError:
            if self._is_open:  # by the watcher: the client takes what it is sent too slowly
                self._end_in(0)
            raise
        except OSError:  # the client takes nothing, or has gone
            self._end_in(0)
        except Exception:
            logger.exception("What a WebSocket is told could not be told.")
            await self.close(Close.FAILED, "Something went wrong here: connect again.")

    async def _pass_on(self) -> None:
        recheck_at = time.monotonic() + RECHECK
        while self._is_open:
            found = await self._listener.next_news(HEARTBEAT_INTERVAL)
            for news in found:
                if news.name in TOLD:
                    async with self._answering:
                        await self.send(_as_message(news))
            if not found:
                await self._say("heartbeat")
            if time.monotonic() >= recheck_at:
                await self._recheck()
                recheck_at = time.monotonic() + RECHECK

    async def _recheck(self) -> None:
        try:
            user = await _user_now(self.scope)
            rights = await _rights_of(user)
        except DatabaseProblem as error:
            # Who cannot ask the database has no news to tell either, and asks again.
            logger.warning("Whether a WebSocket's user may still listen cannot be looked up: %s", error)
            return
        if not rights.any:
            await self._refuse(user)
        elif rights != self._rights:
            await self.close(Close.COME_BACK, "What you may see has changed: connect again.")

    async def _say(self, kind: str, **data: Any) -> None:
        await self.send(json.dumps({"type": kind, **data}))


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may hear of."""

    scope: Scope
    viewer: Viewer

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return self.scope != NOTHING


class Allowance:
    """How much somebody may do: so much a second, and a burst of it that fills up again.

    Args:
        per_second: what is added each second.
        burst: what can be saved up.
    """

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take one; False where nothing is left."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have something done for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _as_message(news: News) -> str:
    # Its data is JSON already, made once for all who are told; it is an object, and never empty.
    return f'{{"type":"{news.name}",{news.text[1:]}'


def _user_of(scope: Any) -> Any:
    try:
        return scope["user"]
    except KeyError:
        raise ImproperlyConfigured(
            "The WebSocket does not know who connects: put its URLRouter into "
            "channels.auth.AuthMiddlewareStack in your asgi.py."
        ) from None


async def _user_now(scope: Any) -> Any:
    """Return whose session it is by now: they may have signed out, or been locked out."""
    session = scope["session"]
    # A new store, for this one has been read and remembers.
    return await get_user({**scope, "session": session.__class__(session.session_key)})


async def _rights_of(user: Any) -> Rights:
    rights: Rights = await database_sync_to_async(lambda: Rights(scope_of(user), viewer_of(user)))()
    return rights
