"""Other companies' services: asked at once, late, broken, and given up."""

import asyncio
from decimal import Decimal

import httpx
import pytest

from shop import outside, stand_in
from shop.outside import Answer, ask_about, fetch_rates

from .serving import served


@pytest.fixture
def services(monkeypatch):
    """Let each service answer as a test wants it to; returns who was cancelled while it answered."""
    cancelled = []

    def set_up(**answers):
        async def application(scope, receive, send):
            answer = answers[scope["path"].strip("/").split("/")[0]]
            try:
                await answer(scope, receive, send)
            except asyncio.CancelledError:
                cancelled.append(scope["path"])
                raise

        monkeypatch.setattr(outside, "stand_in", application)
        return cancelled

    return set_up


async def never(_scope, _receive, _send):
    await asyncio.Event().wait()


async def broken(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


async def nonsense(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"<html>"})


async def test_all_are_asked_at_the_same_time(services):
    together = asyncio.Barrier(3)

    async def answer_with_the_others(scope, receive, send):
        await together.wait()
        await stand_in.application(scope, receive, send)

    services(rates=answer_with_the_others, stock=answer_with_the_others, parcels=answer_with_the_others)

    said = await ask_about("SO-100001", ["KIT-101", "BTH-302"], patience=30)

    assert not any(answer.fault for answer in said.values())
    assert set(said["stock"].value) == {"KIT-101", "BTH-302"}
    assert said["parcel"].value["place"] in stand_in.PLACES


async def test_what_is_late_is_cancelled_and_the_others_stand(services):
    cancelled = services(rates=stand_in.application, stock=stand_in.application, parcels=never)

    said = await ask_about("SO-100001", ["KIT-101"], patience=5)

    assert said["parcel"] == Answer(fault="not in time")
    assert said["rates"].value == stand_in.RATES
    assert said["stock"].value
    assert cancelled == ["/parcels/SO-100001"]


@pytest.mark.parametrize("fault", [broken, nonsense])
async def test_a_broken_service_harms_no_other(services, fault):
    services(rates=stand_in.application, stock=fault, parcels=stand_in.application)

    said = await ask_about("SO-100001", ["KIT-101"], patience=30)

    assert said["stock"] == Answer(fault="not available")
    assert said["rates"].value
    assert said["parcel"].value


async def test_a_visitor_who_leaves_takes_all_calls_along(services):
    asked = asyncio.Barrier(4)

    async def be_asked(_scope, _receive, _send):
        await asked.wait()
        await asyncio.Event().wait()

    cancelled = services(rates=be_asked, stock=be_asked, parcels=be_asked)
    asking = asyncio.create_task(ask_about("SO-100001", [], patience=60))
    await asked.wait()
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(cancelled) == 3


async def test_a_job_says_what_kept_it_from_fetching_rates(services):
    services(rates=broken)

    with pytest.raises(httpx.HTTPStatusError):
        await fetch_rates()


async def test_the_services_may_be_elsewhere(settings, tmp_path):
    with served("shop.stand_in:application", tmp_path) as server:
        settings.SHOP_OUTSIDE_URL = server.address
        assert (await fetch_rates())["USD"] == Decimal("1.0840")

        said = await ask_about("SO-100007", ["KIT-101"], patience=3)
        assert said["parcel"].fault == "not in time"
        assert said["stock"].value

    assert (await ask_about("SO-100001", []))["rates"].fault == "not available"
