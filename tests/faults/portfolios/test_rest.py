"""Twenty clients write to one portfolio over HTTP while its worker is killed; what was accepted is there once."""

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from mesh.connection import connect
from mesh.settings import MeshSettings
from tests.faults.conftest import Report
from tests.integration.gateway.running import Market, token
from tests.ledger_check import differences, read_commands, tables_at_the_end
from tests.portfolio_worker import PortfolioWorker

pytestmark = pytest.mark.timeout(240)

CLIENTS, COMMANDS = 20, 6  # commands of each client
KILLED_AFTER = (10, 50, 90)  # answers
CREATED, ACCEPTED, CONFLICT, AWAY = 201, 202, 409, 503
AGAIN_S = 0.05
Body = dict[str, Any]


@dataclass
class Told:
    """What clients were told of their commands, by key; several answers to one have to be the same."""

    answers: dict[str, tuple[int, Body]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, key: str, answer: httpx.Response) -> None:
        found = answer.status_code, answer.json()
        if self.answers.setdefault(key, found) != found:
            self.changed.append(key)
        self.came.set()

    @property
    def accepted(self) -> list[Body]:
        return [body for status, body in self.answers.values() if status == CREATED]


async def insist(http: httpx.AsyncClient, path: str, entry: Body, told: Told, dice: random.Random) -> None:
    """Send a command until it is answered, or is known to be taken: then its answer is looked up as well."""
    key = str(uuid4())
    while key not in told.answers:
        told.counts["sent"] += 1
        with contextlib.suppress(httpx.HTTPError):
            answer = await http.post(path, json=entry, headers={"Idempotency-Key": key})
            if answer.status_code == ACCEPTED and dice.random() < 0.7:
                told.counts["looked up"] += 1
                answer = await looked_up(http, answer.headers["location"])
            if answer.status_code not in {ACCEPTED, AWAY}:
                told.note(key, answer)
                break
        await asyncio.sleep(AGAIN_S)
    if dice.random() < 0.3:  # impatient: once more, though it was answered
        with contextlib.suppress(httpx.HTTPError):
            again = await http.post(path, json=entry, headers={"Idempotency-Key": key})
            if again.status_code not in {ACCEPTED, AWAY}:
                told.note(key, again)


async def looked_up(http: httpx.AsyncClient, location: str) -> httpx.Response:
    """Ask what became of a command until it is decided."""
    while True:
        found = await http.get(location)
        if found.status_code not in {ACCEPTED, AWAY}:
            return found
        await asyncio.sleep(AGAIN_S)


async def write(http: httpx.AsyncClient, path: str, symbols: list[str], told: Told, dice: random.Random) -> None:
    for _ in range(COMMANDS):
        kind, price = dice.choice(("BUY", "BUY", "SELL", "DEPOSIT")), str(Decimal(dice.randrange(1, 10**6)).scaleb(-2))
        entry: Body = {"type": kind, "price": price}
        if kind != "DEPOSIT":
            quantity = str(Decimal(dice.randrange(1, 10**9)).scaleb(-6))
            entry |= {"symbol": dice.choice(symbols), "quantity": quantity, "commission": "0.35"}
        await insist(http, path, entry, told, dice)


async def kill(worker: PortfolioWorker, told: Told) -> None:
    """Kill the worker whenever so many more commands were answered, and start it again."""
    for answers in KILLED_AFTER:
        while len(told.answers) < answers:
            told.came.clear()
            await told.came.wait()
        worker.kill()
        await worker.exited()
        await worker.start()
        told.counts["killed"] += 1


async def opened(http: httpx.AsyncClient) -> UUID:
    """Open a portfolio, as soon as there is a worker."""
    while True:
        answer = await http.post("/portfolios", json={"name": "Savings"}, headers={"Idempotency-Key": "open"})
        if answer.status_code == CREATED:
            return UUID(answer.json()["id"])
        assert answer.status_code in {ACCEPTED, AWAY}, answer.text
        await asyncio.sleep(AGAIN_S)


async def all_transactions(http: httpx.AsyncClient, portfolio: str) -> list[Body]:
    found: list[Body] = []
    page: Body = {"next": None}
    while not found or page["next"] is not None:
        before = {} if page["next"] is None else {"before": page["next"]}
        page = (await http.get(f"{portfolio}/transactions", params={"limit": "50"} | before)).json()
        found += page["transactions"]
    return found


async def test_what_is_accepted_over_http_is_there_once_whatever_is_killed(
    market: Market, tmp_path: Path, report: Report
) -> None:
    dsn, partitions = market.environment["TICKMESH_POSTGRES_DSN"], int(market.environment["TICKMESH_PARTITIONS"])
    worker, told, user = PortfolioWorker(tmp_path, market.nats.url, dsn, partitions=partitions), Told(), uuid4()
    await worker.start()
    try:
        async with market.gateway.http(token(user=user)) as http:
            portfolio = f"/portfolios/{await opened(http)}"
            listed = (await http.get("/symbols", params={"query": "A", "limit": "3"})).json()["symbols"]
            symbols = [each["symbol"] for each in listed]
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(kill(worker, told))
                for number in range(CLIENTS):
                    writing = write(http, f"{portfolio}/holdings", symbols, told, random.Random(number))
                    tasks.create_task(writing)
            transactions = await all_transactions(http, portfolio)
            value = (await http.get(portfolio)).json()
        client = await connect(MeshSettings(nats_url=market.nats.url), "ledger-test")
        try:
            tables = await tables_at_the_end(dsn, client.jetstream(), partitions)
            stream = await read_commands(client.jetstream())
        finally:
            await client.close()
    finally:
        await worker.stop()
    accepted, applied = Counter(each["id"] for each in told.accepted), Counter(each["id"] for each in transactions)
    report(
        f"portfolios over HTTP: {CLIENTS} clients; worker killed {told.counts['killed']} times; attempted "
        f"{CLIENTS * COMMANDS} commands, sent {told.counts['sent']} times, looked up {told.counts['looked up']}; "
        f"accepted {accepted.total()}, applied {applied.total()}"
    )
    assert told.counts["killed"] == len(KILLED_AFTER)
    assert len(told.answers) == CLIENTS * COMMANDS
    assert {status for status, _ in told.answers.values()} <= {CREATED, CONFLICT}
    assert told.changed == []
    assert applied == accepted
    assert set(accepted.values()) == {1}
    assert differences(tables, stream) == []
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in told.accepted:
        if each["symbol"] is not None:
            held[each["symbol"]] += Decimal(each["quantity"]) * (1 if each["type"] == "BUY" else -1)
    assert {row["symbol"]: Decimal(row["quantity"]) for row in value["holdings"]} == {
        symbol: quantity for symbol, quantity in held.items() if quantity
    }
    assert Decimal(value["cash"]) == round(sum(Decimal(each["cash"]) for each in told.accepted), 2)
