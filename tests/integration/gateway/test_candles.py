"""`GET /candles` and the candle channels as anyone reaches them; the candle worker is the test's own."""

import asyncio
import csv
import io
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest
import pytest_asyncio
import talib

from gateway.images import iso
from market.candles.candles import Candles
from market.candles.timeframe import Session, Timeframe
from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import Gateway, Market
from tests.integration.gateway.tiny_candles import TinyCandles, candles, tiny_candles
from tests.integration.gateway.tiny_venue import TinyVenue

Json = dict[str, Any]
NOON_S = 1_774_785_600  # 2026-03-29T12:00:00Z
MINUTES = [NOON_S + 60 * at for at in range(300)]
CLOSES = [100 + 5 * math.sin(at / 7) + at / 50 for at in range(300)]
INDICATORS = "sma:20,ema:10,rsi:5,macd:3:6:4,bbands:20:2,vwap"


@pytest_asyncio.fixture
async def worker(market: Market, venue: TinyVenue, gateway: Gateway) -> AsyncIterator[TinyCandles]:
    await venue.enlist("AAA", "BBB", known_to=gateway)
    async with tiny_candles(market, venue) as made:
        yield made


@pytest_asyncio.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.http() as client:
        yield client


@pytest_asyncio.fixture
async def minutes(worker: TinyCandles) -> Candles:
    """Store 299 minutes of AAA; the 300th is open."""
    made = candles(worker.number("AAA"), Timeframe.M1, MINUTES, CLOSES)
    await worker.store(made.take(np.arange(299)))
    worker.hold("AAA", open_candle(made))
    return made


def open_candle(made: Candles, **columns: object) -> Candles:
    last = {"starts_s": [MINUTES[-1]], "closes": [CLOSES[-1]], "flags": 0, "sequence": 7, **columns}
    return candles(int(made.instrument[0]), Timeframe.M1, **last)  # type: ignore[arg-type]  # by name


async def chart(http: httpx.AsyncClient, venue: TinyVenue, symbol: str = "AAA", **params: object) -> Json:
    answer = await http.get(f"/candles/{venue.code}:{symbol}", params=params)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_history_and_the_open_candle(http: httpx.AsyncClient, venue: TinyVenue, minutes: Candles) -> None:
    found = await chart(http, venue, limit=3)
    assert found["symbol"] == f"{venue.code}:AAA"
    assert (found["interval"], found["session"], found["currency"], found["sequence"]) == ("1m", "all", "EUR", 7)
    assert found["t"] == MINUTES[-3:]
    assert found["c"] == CLOSES[-3:]
    assert found["o"] == [close - 0.25 for close in CLOSES[-3:]]
    assert (found["v"], found["n"], found["e"], found["x"]) == ([100.0] * 3, [2] * 3, [0] * 3, [0] * 3)
    assert found["vw"] == pytest.approx(CLOSES[-3:], abs=1e-9)
    assert found["filled"] == [0, 0, 0]
    assert found["open"] is True
    assert found["previous"] == "2026-03-29T16:57:00Z"
    assert found["next"] is None
    assert found["indicators"] == {}


async def test_indicators_are_right_from_the_first_candle_on(
    http: httpx.AsyncClient, venue: TinyVenue, minutes: Candles
) -> None:
    found = await chart(http, venue, limit=100, indicators=INDICATORS)
    closes = np.array(CLOSES)
    expected = {
        "sma:20": {"value": talib.SMA(closes, 20)},
        "ema:10": {"value": talib.EMA(closes, 10)},
        "rsi:5": {"value": talib.RSI(closes, 5)},
        "macd:3:6:4": dict(zip(("macd", "signal", "histogram"), talib.MACD(closes, 3, 6, 4), strict=True)),
        "bbands:20:2": dict(zip(("upper", "middle", "lower"), talib.BBANDS(closes, 20, 2.0, 2.0), strict=True)),
        "vwap": {"value": np.cumsum(closes) / np.arange(1, 301)},
    }
    assert found["indicators"].keys() == expected.keys()
    for text, columns in expected.items():
        assert found["indicators"][text].keys() == columns.keys()
        for name, column in columns.items():
            assert found["indicators"][text][name] == pytest.approx(column[-100:].tolist(), abs=1e-9), (text, name)


async def test_before_there_are_enough_candles_a_value_is_null(
    http: httpx.AsyncClient, venue: TinyVenue, minutes: Candles
) -> None:
    found = await chart(http, venue, start=MINUTES[0], limit=25, indicators="sma:20")
    value = found["indicators"]["sma:20"]["value"]
    assert value[:19] == [None] * 19
    assert value[19:] == pytest.approx(talib.SMA(np.array(CLOSES), 20)[19:25].tolist(), abs=1e-9)


async def test_pages_lead_from_one_to_the_next_both_ways(
    http: httpx.AsyncClient, venue: TinyVenue, minutes: Candles
) -> None:
    seen: list[int] = []
    end: str | None = None
    for _ in range(10):
        found = await chart(http, venue, limit=70, **({"end": end} if end else {}))
        seen = found["t"] + seen
        end = found["previous"]
        if end is None:
            break
    assert seen == MINUTES
    seen, start = [], str(MINUTES[0])
    for _ in range(10):
        found = await chart(http, venue, limit=70, start=start)
        seen += found["t"]
        start = found["next"]
        if start is None:
            break
    assert seen == MINUTES
    assert found["open"] is True


async def test_a_range_holds_the_starts_from_start_to_before_end(
    http: httpx.AsyncClient, venue: TinyVenue, minutes: Candles
) -> None:
    found = await chart(http, venue, start=MINUTES[10], end=MINUTES[20])
    assert found["t"] == MINUTES[10:20]
    assert (found["open"], found["previous"], found["next"]) == (False, "2026-03-29T12:10:00Z", "2026-03-29T12:20:00Z")
    assert (await chart(http, venue, start=MINUTES[-1] + 60))["t"] == []
    assert (await chart(http, venue, symbol="BBB"))["t"] == []


async def test_a_closed_range_may_be_kept_and_an_open_one_may_not(
    http: httpx.AsyncClient, venue: TinyVenue, minutes: Candles
) -> None:
    path = f"/candles/{venue.code}:AAA"
    closed = await http.get(path, params={"start": MINUTES[0], "end": MINUTES[9]})
    assert closed.headers["cache-control"] == "private, max-age=60"
    again = await http.get(
        path,
        params={"start": MINUTES[0], "end": MINUTES[9]},
        headers={"If-None-Match": f'"x", {closed.headers["etag"]}'},
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == closed.headers["etag"]
    newest = await http.get(path, params={"limit": 5})
    assert newest.headers["cache-control"] == "no-store"
    assert newest.headers["etag"] != closed.headers["etag"]


async def test_the_other_forms_say_the_same(http: httpx.AsyncClient, venue: TinyVenue, minutes: Candles) -> None:
    path, params = f"/candles/{venue.code}:AAA", {"start": MINUTES[0], "limit": 25, "indicators": "sma:20,macd:3:6:4"}
    found = (await http.get(path, params=params)).json()
    packed = await http.get(path, params=params, headers={"Accept": "application/vnd.msgpack"})
    assert packed.headers["content-type"] == "application/vnd.msgpack"
    assert msgpack.unpackb(packed.content) == found
    text = await http.get(path, params=params, headers={"Accept": "text/csv;q=0.9, */*"})
    assert text.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert [int(row["t"]) for row in rows] == found["t"]
    assert [float(row["c"]) for row in rows] == found["c"]
    assert [row["sma:20"] for row in rows] == [
        "" if each is None else repr(each) for each in found["indicators"]["sma:20"]["value"]
    ]
    assert "macd:3:6:4.signal" in rows[0]


async def test_gaps_are_filled_on_demand(http: httpx.AsyncClient, venue: TinyVenue, worker: TinyCandles) -> None:
    kept = [0, 1, 5, 6]
    made = candles(worker.number("BBB"), Timeframe.M1, [MINUTES[at] for at in kept], [CLOSES[at] for at in kept])
    await worker.store(made)
    plain = await chart(http, venue, symbol="BBB")
    assert plain["t"] == [MINUTES[at] for at in kept]
    filled = await chart(http, venue, symbol="BBB", fill="previous")
    assert filled["t"] == MINUTES[:7]
    assert filled["filled"] == [0, 0, 1, 1, 1, 0, 0]
    assert filled["o"][2:5] == filled["h"][2:5] == filled["c"][2:5] == [CLOSES[1]] * 3
    assert (filled["v"][2], filled["n"][2], filled["vw"][2]) == (0.0, 0, None)
    assert (await chart(http, venue, symbol="BBB", fill="previous", limit=4))["t"] == MINUTES[3:7]
    assert (await chart(http, venue, symbol="BBB", fill="previous", limit=4, start=MINUTES[1]))["t"] == MINUTES[1:5]
    assert (await chart(http, venue, symbol="BBB", fill="previous", end=MINUTES[4]))["t"] == MINUTES[:4]


async def test_a_day_is_of_both_kinds_of_time_or_of_one(
    http: httpx.AsyncClient, venue: TinyVenue, worker: TinyCandles
) -> None:
    number, midnight_s = worker.number("BBB"), NOON_S - 12 * 3600
    regular = candles(number, Timeframe.D1, [midnight_s], [50.0])
    extended = candles(number, Timeframe.D1, [midnight_s, midnight_s + 86_400], [60.0, 70.0], session=1, flags=3)
    await worker.store(Candles.concat([regular, extended]))
    both = await chart(http, venue, symbol="BBB", interval="1d")
    assert (both["t"], both["c"], both["v"], both["n"]) == (
        [midnight_s, midnight_s + 86_400], [50.0, 70.0], [200.0, 100.0], [4, 2],
    )  # fmt: skip
    assert (both["x"], both["vw"]) == ([0, 1], [55.0, 70.0])
    one = await chart(http, venue, symbol="BBB", interval="1d", session="extended")
    assert (one["c"], one["n"]) == ([60.0, 70.0], [2, 2])
    other = await chart(http, venue, symbol="BBB", interval="1d", session="regular")
    assert (other["c"], other["x"]) == ([50.0], [int(Session.REGULAR)])


async def test_the_newer_state_wins_wherever_it_is(
    http: httpx.AsyncClient, venue: TinyVenue, worker: TinyCandles
) -> None:
    number = worker.number("AAA")
    await worker.store(candles(number, Timeframe.M1, MINUTES[:2], [10.0, 20.0], revision=[1, 0], trades=[3, 9]))
    worker.hold("AAA", candles(number, Timeframe.M1, MINUTES[:2], [11.0, 21.0], revision=[0, 1], trades=[8, 10]))
    found = await chart(http, venue)
    assert (found["c"], found["e"], found["n"]) == ([10.0, 21.0], [1, 1], [3, 10])


async def test_what_has_no_price_is_left_out(http: httpx.AsyncClient, venue: TinyVenue, worker: TinyCandles) -> None:
    made = candles(worker.number("AAA"), Timeframe.M1, MINUTES[:3], [10.0, math.nan, 12.0])
    await worker.store(made)
    assert (await chart(http, venue))["t"] == [MINUTES[0], MINUTES[2]]


async def test_while_no_worker_answers_the_cache_has_the_open_candle(
    http: httpx.AsyncClient, venue: TinyVenue, worker: TinyCandles
) -> None:
    worker.answers = False
    minute_s = int(time.time()) // 60 * 60
    made = candles(worker.number("AAA"), Timeframe.M1, [minute_s - 60, minute_s], [10.0, 11.0], flags=[1, 0])
    await worker.store(made.take(np.array([0])))
    await worker.put_into_cache("AAA", made.take(np.array([1])))
    found = await chart(http, venue)
    assert (found["t"], found["c"], found["open"]) == ([minute_s - 60, minute_s], [10.0, 11.0], True)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"interval": "2m"}, "interval"),
        ({"limit": "0"}, "limit"),
        ({"indicators": "sma:1"}, "indicators"),
        ({"end": "soon"}, "end"),
    ],
)
async def test_what_is_out_of_bounds_is_a_problem(http: httpx.AsyncClient, params: dict[str, str], field: str) -> None:
    answer = await http.get("/candles/AAPL", params=params)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid_field", field)
    assert answer.json()["bound"]


async def test_unknown_symbols_and_strangers_are_refused(gateway: Gateway, http: httpx.AsyncClient) -> None:
    assert (await http.get("/candles/NOPE:NOPE")).status_code == 404
    async with gateway.http("") as stranger:
        assert (await stranger.get("/candles/AAPL")).status_code == 401


@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
async def test_a_stream_goes_on_from_what_is_stored(
    gateway: Gateway, venue: TinyVenue, worker: TinyCandles, minutes: Candles, packed: bool
) -> None:
    name = f"{venue.code}:AAA"
    async with live(gateway, packed=packed) as client:
        await client.subscribe(name, channel="candles:1m")
        (entry,) = client.entries("snapshot", "candles:1m")
        assert (entry["s"], entry["q"]) == (name, 7)
        assert [each["t"] for each in entry["c"]] == MINUTES[-100:]
        assert [each["c"] for each in entry["c"]] == CLOSES[-100:]
        assert [each.get("f", 0) for each in entry["c"]] == [1] * 99 + [0]
        await worker.publish("AAA", open_candle(minutes, trades=3, closes=[111.0], sequence=9))
        update = await client.until("update", lambda message: "candles:1m" in message)
        (told,) = update["candles:1m"]
        assert (told["q"], [(each["t"], each["c"], each["n"]) for each in told["c"]]) == (9, [(MINUTES[-1], 111.0, 3)])
        await worker.publish("AAA", open_candle(minutes, trades=3, closes=[111.0], sequence=9, flags=1))
        update = await client.until("update", lambda message: "candles:1m" in message)
        assert [each["f"] for each in update["candles:1m"][0]["c"]] == [1]
        resumed = await client.resume({name: 9}, channel="candles:1m")
        assert resumed["covered"]


async def test_who_resumes_is_covered_as_soon_as_the_worker_answers(
    gateway: Gateway, venue: TinyVenue, worker: TinyCandles, minutes: Candles
) -> None:
    name = f"{venue.code}:AAA"
    worker.answers = False
    async with live(gateway) as client:
        assert (await client.resume({name: 7}, channel="candles:1m"))["lost"] == [name]
        (entry,) = client.entries("snapshot", "candles:1m")
        assert [each["t"] for each in entry["c"]] == MINUTES[-101:-1], "what is stored"
        worker.answers = True
        update = await client.until("update", lambda message: "candles:1m" in message)
        assert [each["t"] for each in update["candles:1m"][0]["c"]] == [MINUTES[-1]]
        assert (await client.resume({name: 7}, channel="candles:1m"))["covered"]
        since = iso((MINUTES[-50] + 122) * 1_000_000_000)
        resumed = await client.resume({name: since or ""}, channel="candles:1m")
        assert (resumed["covered"], resumed["changed"]) == (True, [name])
        assert [each["t"] for each in client.entries("snapshot", "candles:1m")[-1]["c"]] == MINUTES[-50:]
        before = iso(MINUTES[-200] * 1_000_000_000)
        assert not (await client.resume({name: before or ""}, channel="candles:1m"))["covered"]


async def test_a_gateway_that_is_behind_a_client_asks_first(
    market: Market, gateway: Gateway, venue: TinyVenue, worker: TinyCandles, minutes: Candles
) -> None:
    """The client saw more at another gateway, which this one has not been sent yet."""
    name = f"{venue.code}:AAA"
    async with live(gateway) as client:
        await client.subscribe(name, channel="candles:1m")
        worker.hold("AAA", open_candle(minutes, trades=5, closes=[120.0], sequence=12))
        resumed = await client.resume({name: 12}, channel="candles:1m")
        assert resumed["covered"]
        entry = client.entries("snapshot", "candles:1m")[-1]
        assert (entry["q"], entry["c"][-1]["c"]) == (12, 120.0)


async def test_bytes_that_are_no_candle_change_nothing(
    gateway: Gateway, venue: TinyVenue, worker: TinyCandles, minutes: Candles
) -> None:
    async with live(gateway) as client:
        await client.subscribe(f"{venue.code}:AAA", channel="candles:1m")
        await worker.publish_bytes("AAA", bytes(123), b"", b"x" * 124)
        await worker.publish("AAA", open_candle(minutes, trades=3, sequence=9))
        update = await client.until("update", lambda message: "candles:1m" in message)
        assert [(each["q"], len(each["c"])) for each in update["candles:1m"]] == [(9, 1)]


async def test_nothing_falls_between_rest_and_stream(
    gateway: Gateway, http: httpx.AsyncClient, venue: TinyVenue, worker: TinyCandles
) -> None:
    """Candles go on all the while: subscribed first, read then, merged by (e, n), none is missing and none is old."""
    number, name = worker.number("AAA"), f"{venue.code}:AAA"
    count = 250

    async def trade() -> None:
        for at in range(count):
            grown = [
                candles(number, Timeframe.M1, [MINUTES[at]], [10.0 + n], trades=n, flags=n == 3, sequence=3 * at + n)
                for n in (1, 2, 3)
            ]
            for each in grown:
                await worker.publish("AAA", each)
            await worker.store(grown[-1])
            worker.hold("AAA", grown[-1])

    trading = asyncio.ensure_future(trade())
    async with live(gateway) as client:
        while worker.asked == 0:
            await client.subscribe(name, channel="candles:1m")
        found = await chart(http, venue, limit=5000)
        held = {t: (e, n, c) for t, e, n, c in zip(found["t"], found["e"], found["n"], found["c"], strict=True)}
        await trading
        await worker.publish(
            "AAA", candles(number, Timeframe.M1, [MINUTES[count]], [99.0], trades=1, flags=0, sequence=10_000)
        )
        await client.until("update", lambda message: message.get("candles:1m", [{"q": 0}])[0]["q"] == 10_000)
        for entry in (*client.entries("snapshot", "candles:1m"), *client.entries("update", "candles:1m")):
            assert "missed" not in entry
            for each in entry["c"]:
                state = (each.get("e", 0), each["n"], each["c"])
                held[each["t"]] = max(held.get(each["t"], state), state)
    assert held == {MINUTES[at]: (0, 3, 13.0) for at in range(count)} | {MINUTES[count]: (0, 1, 99.0)}
