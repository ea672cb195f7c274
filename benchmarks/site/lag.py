"""How late an event loop is: the time by which a short sleep takes longer than it was to."""

import asyncio
from time import perf_counter

INTERVAL = 0.005
"""Seconds between two looks."""

_lags: list[float] = []


async def watch() -> None:
    """Look for as long as the loop runs."""
    while True:
        started = perf_counter()
        await asyncio.sleep(INTERVAL)
        _lags.append(perf_counter() - started - INTERVAL)


def told() -> dict[str, float]:
    """Return what was seen since the last time, in milliseconds."""
    lags = sorted(_lags)
    _lags.clear()
    if not lags:
        return {}
    return {
        "p50": lags[len(lags) // 2] * 1e3,
        "p99": lags[int(len(lags) * 0.99)] * 1e3,
        "max": lags[-1] * 1e3,
    }
