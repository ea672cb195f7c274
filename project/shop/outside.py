"""What other companies' services say of an order, asked all at once and under a deadline."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
from django.conf import settings

from .stand_in import application as stand_in

PATIENCE = 1.0
"""Seconds that a page waits for all of them together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service has said, or why there is nothing."""

    value: Any = None
    fault: str = ""


LATE = Answer(fault="not in time")


async def ask_about(number: str, skus: list[str], patience: float = PATIENCE) -> dict[str, Answer]:
    """Return what the services say of an order within so many seconds; the late ones are marked as such.

    Asked one after another they would take as long as all their answers together; like this, as long as
    the slowest, and never longer than our patience.
    """
    answers = dict.fromkeys(("rates", "parcel", "stock"), LATE)

    async def ask(name: str, path: str, **query: Any) -> None:
        answers[name] = await answer_of(client, path, query)

    async with open_client(timeout=None) as client:  # ours is around all of them
        try:
            async with asyncio.timeout(patience), asyncio.TaskGroup() as group:
                group.create_task(ask("rates", "/rates"))
                group.create_task(ask("parcel", f"/parcels/{number}"))
                group.create_task(ask("stock", "/stock", sku=skus))
        except TimeoutError:
            # The group has cancelled whoever was late, and waited until they had tidied up; what the
            # others said stands. Were the visitor gone instead, this would be a CancelledError, which
            # passes through here as it must.
            pass
    return answers


async def answer_of(client: httpx.AsyncClient, path: str, query: Mapping[str, Any]) -> Answer:
    """Ask one service. Its failure is an answer too: raised, it would take the others' tasks with it."""
    try:
        response = await client.get(path, params=query)
        response.raise_for_status()
        return Answer(response.json())
    except (httpx.HTTPError, ValueError):
        return Answer(fault="not available")


async def fetch_rates() -> dict[str, Decimal]:
    """Return what one euro buys; a job has more patience than a page.

    Raises:
        httpx.HTTPError: where the bank does not answer.
    """
    async with open_client(timeout=20) as client:
        response = await client.get("/rates")
        response.raise_for_status()
        return {currency: Decimal(rate) for currency, rate in response.json().items()}


def open_client(timeout: float | None) -> httpx.AsyncClient:
    """Return a client, to be used by one request and closed.

    A client belongs to the event loop it first ran in. Shared by all requests it would save handshakes,
    and break wherever there is more than one loop: in tests, and under WSGI.
    """
    if settings.SHOP_OUTSIDE_URL:
        return httpx.AsyncClient(base_url=settings.SHOP_OUTSIDE_URL, timeout=timeout)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(stand_in), base_url="http://outside", timeout=timeout
    )
