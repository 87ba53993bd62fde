"""Portfolios as anyone reaches them: over HTTP and on the stream, with a real worker, ledger and prices."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from gateway.commanding.keys import command_id, digest_of
from infra.local.servers import Server
from infra.local.service import Service
from tests.integration.gateway.conftest import STARTED_WITHIN_S
from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import ROOT, Gateway, Market, tables, token, until

CREATED, ACCEPTED = 201, 202


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worker(market: Market) -> AsyncIterator[Server]:
    """Run a portfolio worker beside the market."""
    service = Service(
        name="portfolios",
        argv=(sys.executable, "-m", "workers.portfolio"),
        cwd=ROOT,
        log=market.folder / "portfolios.log",
        env=market.environment,
    )
    server = Server(service)
    await server.start()
    try:
        async with market.gateway.http() as http:

            async def answers() -> bool:
                answer = await http.post("/portfolios", json={"name": str(uuid4())})
                return answer.status_code == CREATED

            await until(answers, "a portfolio is opened at once", STARTED_WITHIN_S)
        yield server
    finally:
        await server.stop()


@pytest_asyncio.fixture
async def user() -> UUID:
    return uuid4()


@pytest_asyncio.fixture
async def http(gateway: Gateway, worker: Server, user: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.http(token(user=user)) as client:
        yield client


async def opened(http: httpx.AsyncClient, name: str = "Savings") -> str:
    answer = await http.post("/portfolios", json={"name": name, "currency": "USD"})
    assert answer.status_code == CREATED, answer.text
    assert answer.headers["location"] == f"/portfolios/{answer.json()['id']}"
    return f"/portfolios/{answer.json()['id']}"


async def recorded(http: httpx.AsyncClient, portfolio: str, **fields: object) -> dict[str, Any]:
    answer = await http.post(f"{portfolio}/holdings", json=fields)
    assert answer.status_code == CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def adds_up(value: dict[str, Any]) -> bool:
    """Whether totals are the sums of the rows; what has no price yet counts at its cost."""
    rows = value["holdings"]
    worth = sum(Decimal(row["cost"] if row["market_value"] is None else row["market_value"]) for row in rows)
    cost = sum(Decimal(row["cost"]) for row in rows)
    return (worth, cost, worth - cost) == tuple(
        Decimal(value[key]) for key in ("market_value", "cost_basis", "unrealized")
    ) and Decimal(value["cash"]) + worth == Decimal(value["total_value"])


async def test_what_is_recorded_is_there_at_once_and_adds_up(http: httpx.AsyncClient) -> None:
    portfolio = await opened(http)
    await recorded(http, portfolio, type="DEPOSIT", price="10000")
    bought = await recorded(
        http, portfolio, type="BUY", symbol="AAPL", quantity="10.00000001", price=219.9, commission="1"
    )
    assert (bought["symbol"], bought["quantity"], bought["price"]) == ("XNAS:AAPL", "10.00000001", "219.9")
    await recorded(http, portfolio, type="BUY", symbol="MSFT", quantity=2, price="400.5")
    await recorded(http, portfolio, type="SELL", symbol="XNAS:AAPL", quantity="4", price="230")
    value = (await http.get(portfolio)).json()
    held = {row["symbol"]: row for row in value["holdings"]}
    assert {symbol: row["quantity"] for symbol, row in held.items()} == {"XNAS:AAPL": "6.00000001", "XNAS:MSFT": "2"}
    assert held["XNAS:MSFT"]["cost"] == "801.00"
    assert adds_up(value)

    async def is_priced() -> bool:
        found = (await http.get(portfolio)).json()
        assert adds_up(found)
        return not found["unpriced"] and all(row["price"] > 0 for row in found["holdings"])

    await until(is_priced, "both have a price")
    (listed,) = (await http.get("/portfolios")).json()["portfolios"]
    assert (listed["id"], listed["cash"]) == (value["id"], value["cash"])


async def test_the_same_key_is_carried_out_once(http: httpx.AsyncClient) -> None:
    portfolio = await opened(http)
    key = {"Idempotency-Key": "first"}
    deposit = {"type": "DEPOSIT", "price": "5"}
    answers = await asyncio.gather(*(http.post(f"{portfolio}/holdings", json=deposit, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {CREATED}
    assert len({answer.text for answer in answers}) == 1
    other = await http.post(f"{portfolio}/holdings", json={"type": "DEPOSIT", "price": "6"}, headers=key)
    assert refusal(other) == (422, "idempotency_mismatch")
    assert (await http.get(portfolio)).json()["cash"] == "5.00"


@pytest.mark.parametrize(
    ("what", "media_type", "known"),
    [
        ("holdings", "application/json", b'{"type": "BUY", "symbol": "AAPL", "quantity": 1, "price": 1}'),
        ("corrections", "application/json", b'{"symbol": "AAPL", "quantity": 2}'),
        ("imports", "text/csv", b"type,symbol,quantity,price\nBUY,AAPL,1,1\n"),
    ],
)
async def test_who_asks_again_is_answered_though_the_symbol_is_unknown_by_now(
    http: httpx.AsyncClient, market: Market, user: UUID, what: str, media_type: str, known: bytes
) -> None:
    portfolio = await opened(http)
    bought = await recorded(http, portfolio, type="BUY", symbol="AAPL", quantity=1, price=1)
    of = f"{portfolio}/transactions/{bought['id']}" if what == "corrections" else portfolio
    path, key, headers = f"{of}/{what}", {"Idempotency-Key": what}, {"Content-Type": media_type}
    first = await http.post(path, content=known, headers=headers | key)
    assert first.status_code == CREATED, first.text
    gone = known.replace(b"AAPL", b"GONE")
    async with tables(market) as connection:  # as if that had been the request, and GONE known then
        name, digest = command_id(user, what), digest_of("POST", path, gone)
        assert await connection.execute("UPDATE commands SET digest = $2 WHERE id = $1", name, digest) == "UPDATE 1"
    again = await http.post(path, content=gone, headers=headers | key)
    assert (again.status_code, again.json(), again.headers["idempotency-key"]) == (CREATED, first.json(), what)
    before = (await http.get(f"{portfolio}/transactions")).json()
    refused = (422, "bad_lines" if what == "imports" else "unknown_symbol")
    assert refusal(await http.post(path, content=gone, headers=headers)) == refused
    tried = await http.post(path, content=gone, headers=headers | key, params={"dry_run": True})
    assert tried.json()["problems"] if what == "imports" else refusal(tried) == refused
    other = await http.post(path, content=gone + b" ", headers=headers | key)
    assert refusal(other) == (422, "idempotency_mismatch")
    assert (await http.get(f"{portfolio}/transactions")).json() == before


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"type": "SELL", "symbol": "AAPL", "quantity": 1, "price": 1}, 409, "not_enough"),
        ({"type": "BUY", "symbol": "AAPL", "quantity": 0, "price": 1}, 422, "invalid_field"),
        ({"type": "BUY", "symbol": "AAPL", "quantity": -1, "price": 1}, 422, "invalid_field"),
        ({"type": "BUY", "symbol": "NOBODY", "quantity": 1, "price": 1}, 422, "unknown_symbol"),
        ({"type": "BUY", "symbol": "AAPL", "quantity": 1, "price": 1, "currency": "EUR"}, 422, "wrong_currency"),
        ({"type": "BUY", "symbol": "AAPL", "quantity": 1, "price": 1, "what": 1}, 422, "invalid_field"),
        ({"type": "DEPOSIT", "price": 1, "note": "\0"}, 422, "invalid_field"),
        ({}, 422, "invalid_field"),
    ],
)
async def test_what_is_refused_is_named_and_changes_nothing(
    http: httpx.AsyncClient, fields: dict[str, object], status: int, code: str
) -> None:
    portfolio = await opened(http)
    before = (await http.get(portfolio)).json()["revision"]
    dry = await http.post(f"{portfolio}/holdings", json=fields, params={"dry_run": True})
    real = await http.post(f"{portfolio}/holdings", json=fields)
    assert refusal(dry) == refusal(real) == (status, code)
    assert (await http.get(portfolio)).json()["revision"] == before


async def test_a_dry_run_says_what_would_come_and_does_nothing(http: httpx.AsyncClient) -> None:
    portfolio = await opened(http)
    buy = {"type": "BUY", "symbol": "AAPL", "quantity": "3", "price": "100", "commission": "0.5"}
    preview = (await http.post(f"{portfolio}/holdings", json=buy, params={"dry_run": True})).json()
    assert "revision" not in preview["transactions"][0]
    assert preview["cash"] == {"before": "0", "after": "-300.5"}
    (holding,) = preview["holdings"]
    assert (holding["symbol"], holding["before"], holding["after"]["cost"]) == ("XNAS:AAPL", None, "300.5")
    assert (await http.get(portfolio)).json()["holdings"] == []


async def test_a_correction_takes_the_place_of_a_mistake(http: httpx.AsyncClient) -> None:
    portfolio = await opened(http)
    wrong = await recorded(http, portfolio, type="BUY", symbol="AAPL", quantity="100", price="10")
    await recorded(http, portfolio, type="SELL", symbol="AAPL", quantity="5", price="20")
    corrections = f"{portfolio}/transactions/{wrong['id']}/corrections"
    right = await http.post(corrections, json={"quantity": "10"})
    assert right.status_code == CREATED, right.text
    assert (await http.get(portfolio)).json()["holdings"][0]["quantity"] == "5"
    assert refusal(await http.post(corrections, json={"void": True}))[0] == 409
    again = f"{portfolio}/transactions/{right.json()['id']}/corrections"
    assert refusal(await http.post(again, json={"void": True})) == (409, "not_enough")
    page = (await http.get(f"{portfolio}/transactions", params={"limit": 2})).json()
    rest = (await http.get(f"{portfolio}/transactions", params={"before": page["next"]})).json()
    assert [len(page["transactions"]), len(rest["transactions"]), rest["next"]] == [2, 1, None]
    found = page["transactions"] + rest["transactions"]
    assert {each["corrects"] for each in found} == {None, wrong["id"]}


async def test_a_file_goes_out_and_comes_in_whole(http: httpx.AsyncClient) -> None:
    portfolio, other = await opened(http), await opened(http, "Other")
    await recorded(http, portfolio, type="DEPOSIT", price="1000", executed_at="2026-01-02T10:00:00Z")
    await recorded(
        http, portfolio, type="BUY", symbol="AAPL", quantity="1.5", price="200", note='a "note", with commas'
    )
    file = await http.get(f"{portfolio}/transactions", headers={"Accept": "text/csv"})
    assert file.headers["content-type"].startswith("text/csv")
    csv = {"Content-Type": "text/csv"}
    tried = await http.post(f"{other}/imports", content=file.content, headers=csv, params={"dry_run": True})
    assert (tried.status_code, tried.json()) == (200, {"rows": 2, "problems": []}), tried.text
    assert (await http.get(other)).json()["holdings"] == []
    done = await http.post(f"{other}/imports", content=file.content, headers=csv)
    assert done.status_code == CREATED, done.text
    assert (await http.get(other)).json()["cash"] == (await http.get(portfolio)).json()["cash"]
    bad = file.content + b"BUY,NOBODY,1,1,,,\nSELL,XNAS:AAPL,999,1,,,\n"
    more = file.content + b"SELL,XNAS:AAPL,999,1,,,\n"
    for params in ({}, {"dry_run": True}):
        assert refusal(await http.post(f"{other}/imports", content=more, headers=csv, params=params))[1] == "bad_lines"
    refused = await http.post(f"{other}/imports", content=bad, headers=csv)
    assert refusal(refused) == (422, "bad_lines")
    assert refused.json()["problems"][0]["line"] == 4


async def test_another_user_s_portfolio_is_as_one_that_does_not_exist(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    mine, nobodys = await opened(http), f"/portfolios/{uuid4()}"
    async with gateway.http(token()) as stranger:
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/transactions", None),
            ("GET", "/performance", None),
            ("PATCH", "", {"name": "Mine now"}),
            ("DELETE", "", None),
            ("POST", "/holdings", {"type": "DEPOSIT", "price": 1}),
            ("POST", "/holdings?dry_run=true", {"type": "DEPOSIT", "price": 1}),
            ("POST", f"/transactions/{uuid4()}/corrections", {"void": True}),
        ):
            answers = [await stranger.request(method, each + path, json=body) for each in (mine, nobodys)]
            assert {refusal(answer) for answer in answers} == {(404, "unknown_portfolio")}, (method, path)
            assert answers[0].content == answers[1].content
        assert (await stranger.get("/portfolios")).json() == {"portfolios": []}
    assert (await http.get(mine)).status_code == 200


async def test_a_portfolio_is_renamed_and_closed(http: httpx.AsyncClient) -> None:
    portfolio = await opened(http)
    taken = await http.post("/portfolios", json={"name": "savings", "currency": "USD"})
    assert refusal(taken) == (409, "name_taken")
    assert (await http.patch(portfolio, json={"name": "Old age"})).json()["name"] == "Old age"
    assert (await http.delete(portfolio)).status_code == 204
    assert refusal(await http.get(portfolio)) == (404, "unknown_portfolio")
    assert (await http.get("/portfolios")).json() == {"portfolios": []}


async def test_a_command_that_nobody_answers_is_accepted_and_carried_out_later_once(
    http: httpx.AsyncClient, worker: Server
) -> None:
    portfolio = await opened(http)
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        key = {"Idempotency-Key": "patience"}
        answer = await http.post(f"{portfolio}/holdings", json={"type": "DEPOSIT", "price": "7"}, headers=key)
        assert answer.status_code == ACCEPTED
        assert (await http.get(answer.headers["location"])).status_code == ACCEPTED
        assert (await http.get(portfolio)).json()["cash"] == "0.00", "the tables answer while the worker does not"
    finally:
        os.kill(worker.pid, signal.SIGCONT)

    async def is_decided() -> bool:
        return (await http.get(answer.headers["location"])).status_code == CREATED

    await until(is_decided, "the command is carried out")
    assert (
        await http.post(f"{portfolio}/holdings", json={"type": "DEPOSIT", "price": "7"}, headers=key)
    ).status_code == CREATED
    assert (await http.get(portfolio)).json()["cash"] == "7.00"
    assert refusal(await http.get(f"/commands/{uuid4()}")) == (404, "unknown_command")


async def test_a_watched_portfolio_goes_on_and_adds_up_in_every_message(
    http: httpx.AsyncClient, gateway: Gateway, user: UUID
) -> None:
    portfolio = await opened(http)
    name = portfolio.rpartition("/")[2]
    await recorded(http, portfolio, type="BUY", symbol="AAPL", quantity="10", price="200")
    async with live(gateway, bearer=token(user=user)) as client:
        await client.send("watch_portfolio", portfolio=name)
        whole = (await client.until("portfolio"))["valuation"]
        assert adds_up(whole)
        await recorded(http, portfolio, type="BUY", symbol="MSFT", quantity="1", price="400")
        rows = {row["symbol"]: row for row in whole["holdings"]}
        while len(rows) < 2:
            message = await client.read()
            if message["type"] in {"portfolio", "portfolio_update"}:
                told = message["valuation"]
                rows |= {row["symbol"]: row for row in told["holdings"]}
                assert adds_up({**told, "holdings": list(rows.values())})
        await client.send("unwatch_portfolio", portfolio=name)
        assert (await client.until("portfolio_unwatched"))["portfolio"] == name
        await client.send("unwatch_portfolio", portfolio=name)
        assert (await client.until("error"))["code"] == "unknown_portfolio"
    async with live(gateway) as stranger:
        await stranger.send("watch_portfolio", portfolio=name)
        assert (await stranger.until("error"))["code"] == "unknown_portfolio"


async def test_whoever_watches_a_portfolio_is_told_that_it_is_renamed_and_closed(
    http: httpx.AsyncClient, gateway: Gateway, user: UUID
) -> None:
    portfolio = await opened(http)
    name = portfolio.rpartition("/")[2]
    async with live(gateway, bearer=token(user=user)) as client, live(gateway, bearer=token(user=user)) as other:
        for each in (client, other):
            await each.send("watch_portfolio", portfolio=name)
            await each.until("portfolio")
        await http.patch(portfolio, json={"name": "Old age"})
        await client.until("portfolio_update", lambda message: message["valuation"]["name"] == "Old age")
        assert (await http.delete(portfolio)).status_code == 204
        for each in (client, other):
            told = await each.until("error")
            assert (told["code"], told["portfolio"]) == ("unknown_portfolio", name)
        await client.send("unwatch_portfolio", portfolio=name)
        assert (await client.until("error"))["code"] == "unknown_portfolio"


async def test_the_openapi_page_tells_what_commands_answer(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/schema/openapi.json")).json()["paths"]
    answers = paths["/portfolios/{portfolio}/holdings"]["post"]["responses"]
    assert {status for status in answers if status < "300"} == {"200", "201", "202"}
    assert {"400", "404", "409", "422", "503", "507"} <= answers.keys()
    refusals = (answers[status]["content"] for status in answers if status >= "400")
    assert all(list(each) == ["application/problem+json"] for each in refusals)


async def test_transactions_are_listed_by_any_name_of_a_symbol(http: httpx.AsyncClient) -> None:
    portfolio = await opened(http)
    await recorded(http, portfolio, type="BUY", symbol="AAPL", quantity=1, price=1)
    for symbol, found in (("AAPL", 1), ("XNAS:AAPL", 1), ("MSFT", 0), ("NOBODY", 0)):
        page = (await http.get(f"{portfolio}/transactions", params={"symbol": symbol})).json()
        assert len(page["transactions"]) == found
    odd = await http.get(f"{portfolio}/transactions", params={"symbol": "A\0"})
    assert refusal(odd) == (422, "invalid_field")
