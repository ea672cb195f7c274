"""Stands in for services of three other companies: a bank's rates, a carrier's parcels, a warehouse's stock.

A plain ASGI application. The shop calls it within its own process unless SHOP_OUTSIDE_URL names an address;
`uvicorn shop.stand_in:application` serves it at one.
"""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs
from zlib import crc32

RATES = {"CHF": "0.9312", "GBP": "0.8427", "NOK": "11.6800", "USD": "1.0840"}
PLACES = ("Leipzig", "Rotterdam", "Lyon", "Basel")
A_LITTLE, LONG = 0.05, 5.0
"""Seconds that an answer takes. The carrier takes long over every tenth parcel: numbers that end in 7."""


async def application(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer as the three services do."""
    [service, *rest] = scope["path"].strip("/").split("/")
    answer = {"rates": rates, "parcels": parcel, "stock": stock}.get(service)
    content = await answer(rest, parse_qs(scope["query_string"].decode())) if answer else None
    await send(
        {
            "type": "http.response.start",
            "status": 200 if answer else 404,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


async def rates(_path: list[str], _query: dict[str, list[str]]) -> dict[str, str]:
    """Say what one euro buys."""
    await asyncio.sleep(A_LITTLE)
    return RATES


async def parcel(path: list[str], _query: dict[str, list[str]]) -> dict[str, str]:
    """Say where the parcel of an order is."""
    number = path[-1]
    await asyncio.sleep(LONG if number.endswith("7") else 2 * A_LITTLE)
    return {"place": PLACES[crc32(number.encode()) % len(PLACES)]}


async def stock(_path: list[str], query: dict[str, list[str]]) -> dict[str, int]:
    """Say how many pieces there are of each product."""
    await asyncio.sleep(3 * A_LITTLE)
    return {sku: crc32(sku.encode()) % 40 for sku in query.get("sku", [])}
