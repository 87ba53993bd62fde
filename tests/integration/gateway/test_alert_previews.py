"""How often an alert would have fired, over HTTP, by candles that are stored and one that is open."""

import time
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest_asyncio

from market.candles.candles import Candles
from market.candles.timeframe import Session, Timeframe
from tests.integration.gateway.running import Gateway, Market
from tests.integration.gateway.tiny_candles import candles, tiny_candles
from tests.integration.gateway.tiny_venue import TinyVenue


@pytest_asyncio.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.http() as client:
        yield client


async def test_a_preview_says_how_often_it_would_have_fired(
    http: httpx.AsyncClient, market: Market, venue: TinyVenue
) -> None:
    began_s = int(time.time()) // 60 * 60 - 3600
    symbol, night_symbol = await venue.enlist("TICK", "NIGHT", known_to=market.gateway)
    async with tiny_candles(market, venue) as worker:
        starts_s = [began_s + 60 * at for at in range(6)]
        minutes = candles(worker.number("TICK"), Timeframe.M1, starts_s, [100, 106, 100, 106, 100, 107])
        await worker.store(minutes.take(np.arange(5)))
        worker.hold("TICK", minutes.take(np.array([5])))  # it is open
        await venue.publish("TICK", 1, last=107.0)
        asked = {"symbol": symbol, "condition": "ABOVE", "threshold": 105, "repeat": "every_cross", "days": 1}
        found = (await http.post("/alerts/preview", json=asked)).json()
        assert (found["count"], found["already_true"], found["price"], found["basis"]) == (3, True, 107.0, "1m candles")
        assert [each["price"] for each in found["firings"]] == [106.75, 105.75, 105.75]
        assert found["from"] < found["firings"][-1]["fired_at"] < found["to"]
        for fields, count in (
            ({"repeat": "once"}, 1),
            ({"cooldown": 200}, 2),
            ({"condition": "CHANGE_PCT", "reference": "created", "threshold": 5}, 3),
            ({"condition": "CHANGE_PCT", "threshold": 5}, 0),  # of no close that is known
            ({"condition": "BELOW", "threshold": 1}, 0),
        ):
            found = (await http.post("/alerts/preview", json=asked | fields)).json()
            assert found["count"] == len(found["firings"]) == count, fields
        night = candles(worker.number("NIGHT"), Timeframe.M1, starts_s[:2], [100, 106], session=Session.EXTENDED)
        await worker.store(night)
        found = (await http.post("/alerts/preview", json=asked | {"symbol": night_symbol})).json()
        assert (found["count"], found["basis"]) == (1, "1m candles outside regular hours")
        at_s = began_s // 3600 * 3600 - 2 * 86400  # of one day with the minute after it
        close = candles(worker.number("NIGHT"), Timeframe.M1, [at_s], [100])
        late = candles(worker.number("NIGHT"), Timeframe.M1, [at_s + 60], [106], session=Session.EXTENDED)
        await worker.store(Candles.concat([close, late]))  # what is late is left out: its day has a regular one
        found = (await http.post("/alerts/preview", json=asked | {"symbol": night_symbol, "days": 4})).json()
        assert (found["count"], found["basis"]) == (1, "1m candles, on some days those outside regular hours")
    refused = await http.post("/alerts/preview", json=asked | {"days": 31})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "invalid_field", "days")
    assert (await http.get("/alerts")).json()["alerts"] == []
