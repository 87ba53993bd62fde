"""The REST part as anyone reaches it: a gateway process, a live feed, real servers."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import Gateway, Market, token, until
from tests.integration.gateway.tiny_venue import TinyVenue

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
QUOTE_MEMBERS = {
    *("symbol", "name", "currency", "bid", "bid_size", "ask", "ask_size", "last", "last_size", "open", "high", "low"),
    *("volume", "prev_close", "change", "change_percent", "seq", "ts_event", "ts_recv", "server_timestamp", "depth"),
}


@pytest_asyncio.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.http() as client:
        yield client


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Read a refusal as its status and code, after a look at its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:tickmesh:problem:{document['code']}"
    assert document["detail"]
    return answer.status_code, document["code"]


async def test_whoever_registers_and_logs_in_gets_quotes(gateway: Gateway) -> None:
    ada = {"email": "ada@example.com", "password": "correct horse battery"}
    async with gateway.http("") as http:
        assert (await http.post("/auth/register", json=ada)).status_code == 201
        tokens = (await http.post("/auth/login", json=ada)).json()
        mine = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await http.get("/quotes/AAPL", headers=mine)).status_code == 200
        renewed = (await http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
        mine = {"Authorization": f"Bearer {renewed['access_token']}"}
        assert (await http.get("/prices/AAPL", headers=mine)).status_code == 200
    async with live(gateway, bearer=renewed["access_token"]) as client:
        assert await client.subscribe("AAPL") == ["XNAS:AAPL"]


async def test_a_quote_has_every_field_and_ten_levels_that_fit_its_touch(http: httpx.AsyncClient) -> None:
    answer = await http.get("/quotes/AAPL")
    assert answer.status_code == 200
    quote = answer.json()
    assert set(quote) == QUOTE_MEMBERS
    assert (quote["symbol"], quote["name"], quote["currency"]) == ("XNAS:AAPL", "Apple Inc.", "USD")
    assert 0 < quote["bid"] < quote["ask"]
    assert quote["low"] <= quote["last"] <= quote["high"]
    assert quote["change"] == pytest.approx(quote["last"] - quote["prev_close"], abs=1e-6)
    assert quote["change_percent"] == pytest.approx(100 * quote["change"] / quote["prev_close"], abs=1e-3)
    assert all(ISO.fullmatch(quote[name]) for name in ("ts_event", "ts_recv", "server_timestamp"))
    bids, asks = quote["depth"]["bids"], quote["depth"]["asks"]
    assert 1 <= len(bids) <= 10
    assert 1 <= len(asks) <= 10
    assert [level[0] for level in bids] == sorted((level[0] for level in bids), reverse=True)
    assert [level[0] for level in asks] == sorted(level[0] for level in asks)
    assert all(len(level) == 3 and level[1] > 0 and level[2] >= 1 for level in (*bids, *asks))


async def test_quotes_go_on_and_never_back(http: httpx.AsyncClient) -> None:
    first = (await http.get("/quotes/SPY")).json()["seq"]
    seen = [first]

    async def moved_on() -> bool:
        seen.append((await http.get("/quotes/SPY")).json()["seq"])
        return seen[-1] > first + 5

    await until(moved_on, "the quote of SPY moves on")
    assert seen == sorted(seen)


async def test_a_price_is_the_last_trade_with_both_times(http: httpx.AsyncClient) -> None:
    answer = await http.get("/prices/XNAS:MSFT")
    price = answer.json()
    assert set(price) == {"symbol", "price", "currency", "exchange_timestamp", "server_timestamp"}
    assert (price["symbol"], price["currency"]) == ("XNAS:MSFT", "USD")
    assert price["price"] > 0
    exchange, server = (datetime.fromisoformat(price[name]) for name in ("exchange_timestamp", "server_timestamp"))
    assert timedelta(0) < server - exchange < timedelta(minutes=5)
    assert abs(datetime.now(UTC) - server) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("path", "symbol"),
    [("BRK.B", "XNYS:BRK.B"), ("XNYS:BRK.B", "XNYS:BRK.B"), ("XNYS%3ABRK%2EB", "XNYS:BRK.B"), ("BF.B", "XNYS:BF.B")],
)
async def test_names_with_dots_and_venues_are_found(http: httpx.AsyncClient, path: str, symbol: str) -> None:
    assert (await http.get(f"/quotes/{path}")).json()["symbol"] == symbol
    assert (await http.get(f"/prices/{path}")).json()["symbol"] == symbol


async def test_names_that_paths_and_subjects_cannot_hold_are_found(
    http: httpx.AsyncClient, gateway: Gateway, venue: TinyVenue
) -> None:
    odd = {"BF/B": "BF%2FB", "日経": "%E6%97%A5%E7%B5%8C", "A?B#C": "A%3FB%23C", "100%": "100%25", "a:b": "a%3Ab"}
    await venue.enlist(*odd, known_to=gateway)
    for at, (symbol, path) in enumerate(odd.items(), start=1):
        await venue.publish(symbol, 1, last=at)
        for asked in (f"/quotes/{path}", f"/quotes/{venue.code}:{path}", f"/prices/{path}"):
            answer = await http.get(asked)
            assert answer.status_code == 200, asked
            assert answer.json()["symbol"] == f"{venue.code}:{symbol}"
            assert answer.json().get("last", at) == at
    assert (await http.get("/quotes/BF/B")).json()["symbol"] == f"{venue.code}:BF/B"


async def test_what_is_unknown_is_null(http: httpx.AsyncClient, gateway: Gateway, venue: TinyVenue) -> None:
    await venue.enlist("NEW", known_to=gateway)
    await venue.publish("NEW", 1, bid=2.5, bid_size=100)
    quote = (await http.get(f"/quotes/{venue.code}:NEW")).json()
    assert (quote["bid"], quote["ask"], quote["last"], quote["change"], quote["change_percent"]) == (
        *(2.5, None, None, None, None),
    )
    assert quote["depth"] == {"bids": [], "asks": []}
    assert quote["currency"] == "EUR"
    assert (await http.get(f"/prices/{venue.code}:NEW")).json()["price"] is None


async def test_an_instrument_whose_feed_is_silent_and_that_nobody_cached_has_no_quote(
    http: httpx.AsyncClient, gateway: Gateway, venue: TinyVenue
) -> None:
    await venue.enlist("MUTE", known_to=gateway)
    for path in ("/quotes", "/prices"):
        answer = await http.get(f"{path}/{venue.code}:MUTE")
        assert problem(answer) == (503, "no_quote")
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "path", ["NOSUCH", "XNAS:NOSUCH", "XLON:AAPL", "aapl", "*", "%3E", "AAPL.%3E", "quote.XNAS.AAPL"]
)
async def test_unknown_symbols_are_not_found(http: httpx.AsyncClient, path: str) -> None:
    for endpoint in ("quotes", "prices"):
        assert problem(await http.get(f"/{endpoint}/{path}")) == (404, "unknown_symbol")


@pytest.mark.parametrize("path", ["%20", "A%20B", "A%0AB", "A%00", "X" * 33, "XNAS:", "%E6%97%A5" * 11])
async def test_malformed_symbols_are_refused(http: httpx.AsyncClient, path: str) -> None:
    for endpoint in ("quotes", "prices"):
        assert problem(await http.get(f"/{endpoint}/{path}")) == (400, "invalid_symbol")


@pytest.mark.parametrize("path", ["/quotes/AAPL", "/prices/AAPL", "/symbols?query=a", "/quotes/NOSUCH"])
@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "token_missing"),
        ("Bearer", "token_malformed"),
        ("Basic YWRhOmFkYQ==", "token_malformed"),
        ("Bearer not.a.token", "token_malformed"),
        (f"Bearer {token(secret='another key that is also 32 bytes long')}", "token_signature"),
        (f"Bearer {token(issued_ago_s=3600)}", "token_expired"),
        ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.", "token_algorithm"),
    ],
)
async def test_without_a_good_token_there_is_nothing(
    gateway: Gateway, path: str, header: str | None, code: str
) -> None:
    async with gateway.http("") as http:
        answer = await http.get(path, headers={"Authorization": header} if header else {})
    assert problem(answer) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_in_the_query_string_is_no_token(gateway: Gateway) -> None:
    async with gateway.http("") as http:
        for name in ("token", "access_token", "authorization", "bearer"):
            assert problem(await http.get("/quotes/AAPL", params={name: token()})) == (401, "token_missing")


@pytest.mark.parametrize(
    ("query", "first"),
    [("AAPL", "XNAS:AAPL"), ("aap", "XNAS:AAPL"), ("berkshire hath", "XNYS:BRK.B"), ("mircosoft", "XNAS:MSFT")],
)
async def test_symbols_are_found_by_ticker_by_name_and_in_spite_of_a_slip(
    http: httpx.AsyncClient, query: str, first: str
) -> None:
    found = (await http.get("/symbols", params={"query": query})).json()["symbols"]
    assert found[0]["symbol"] == first
    assert set(found[0]) == {"symbol", "ticker", "venue", "name", "currency"}
    assert f"{found[0]['venue']}:{found[0]['ticker']}" == first


async def test_a_search_gives_no_more_than_the_limit(http: httpx.AsyncClient) -> None:
    assert len((await http.get("/symbols", params={"query": "a"})).json()["symbols"]) == 20
    three = (await http.get("/symbols", params={"query": "a", "limit": 3})).json()["symbols"]
    assert len(three) == 3
    assert (await http.get("/symbols", params={"query": "zzzzzzzz"})).json() == {"symbols": []}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": " "}, "query"),
        ({"query": "x" * 65}, "query"),
        ({"query": "a", "limit": "0"}, "limit"),
        ({"query": "a", "limit": "101"}, "limit"),
        ({"query": "a", "limit": "many"}, "limit"),
        ({"query": "a", "limit": "1.5"}, "limit"),
    ],
)
async def test_a_search_out_of_bounds_names_the_field(
    http: httpx.AsyncClient, parameters: dict[str, str], field: str
) -> None:
    answer = await http.get("/symbols", params=parameters)
    assert problem(answer) == (422, "invalid_field")
    assert answer.json()["field"] == field


async def test_a_search_for_nothing_at_all_names_what_is_missing(http: httpx.AsyncClient) -> None:
    answer = await http.get("/symbols")
    assert problem(answer) == (400, "bad_request")
    assert "'query'" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/quotes/AAPL", "/symbols", "/health/live"])
async def test_another_method_is_not_allowed(http: httpx.AsyncClient, path: str) -> None:
    assert problem(await http.post(path, json={})) == (405, "method_not_allowed")


async def test_a_body_too_large_is_refused(gateway: Gateway) -> None:
    async with gateway.http("") as http:
        answer = await http.post("/auth/login", json={"email": "a@b.example", "password": "x" * 100_000})
    assert problem(answer) == (413, "body_too_large")


async def test_prices_come_from_the_cache_where_the_feed_is_silent(market: Market, gateway: Gateway) -> None:
    """The feed writes its states to the cache, so a gateway that watches nothing answers without it."""
    async with gateway.http() as http:
        cached = (await http.get("/prices/XNYS:BRK.B")).json()
    assert cached["price"] > 0
    assert not [name for name in await market.gateway_subjects() if "BRK" in name]
