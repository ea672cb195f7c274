"""One body for a middleware that works in both stacks, and goes on working while a response streams."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Scope = Callable[[], AbstractContextManager[None]]
Value = TypeVar("Value")


def _nothing(_: HttpResponseBase) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Around:
    """What a middleware does around one request."""

    scope: Scope
    """What holds while the request is answered: entered for the view, and again for each chunk streamed."""

    finish: Callable[[HttpResponseBase], None] = _nothing
    """Completes the head of the response."""

    def finished(self, response: HttpResponseBase) -> HttpResponseBase:
        """Return the response with its head complete, and with the scope around what it still streams."""
        self.finish(response)
        # A file does nothing that would want the scope, and a server may send it by itself.
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            within = _awithin if response.is_async else _within
            response.streaming_content = within(self.scope, response.streaming_content)
        return response


def hybrid(prepare: Callable[[HttpRequest], Around]) -> Callable[[Callable[[HttpRequest], Any]], Any]:
    """Make a middleware of a function that says what to do around a request.

    The function runs on the event loop of an async stack, so it may not block.
    """

    @sync_and_async_middleware
    @wraps(prepare)
    def middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
        if iscoroutinefunction(get_response):

            async def arespond(request: HttpRequest) -> Any:
                around = prepare(request)
                with around.scope():
                    response = await get_response(request)
                return around.finished(response)

            return arespond

        def respond(request: HttpRequest) -> Any:
            around = prepare(request)
            with around.scope():
                response = get_response(request)
            return around.finished(response)

        return respond

    return middleware


@contextmanager
def holding(variable: ContextVar[Value], value: Value) -> Iterator[None]:
    """Let a context variable have this value within the block."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


# The server runs between two chunks: nothing of this request may hold there.


def _within(scope: Scope, chunks: Any) -> Iterator[bytes]:
    remaining = iter(chunks)
    while True:
        with scope():
            try:
                chunk = next(remaining)
            except StopIteration:
                return
        yield chunk


async def _awithin(scope: Scope, chunks: Any) -> AsyncGenerator[bytes, None]:
    async with aclosing(aiter(chunks)) as remaining:
        while True:
            with scope():
                try:
                    chunk = await anext(remaining)
                except StopAsyncIteration:
                    return
            yield chunk
