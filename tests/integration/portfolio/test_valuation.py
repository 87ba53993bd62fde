"""What portfolios are worth, asked of the worker and watched, at the prices of a venue that the test runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest_asyncio
from nats.aio.msg import Msg

from market import subjects
from market.ledger.commands import Delete
from market.ledger.transaction import Kind
from mesh import portfolio_now
from mesh.directory import Directory
from mesh.portfolio_now import PortfolioMessage, Watched, read_message
from tests.integration.portfolio.conftest import PARTITIONS, Stack
from tests.integration.portfolio.venue import Venue
from tests.portfolio_worker import LedgerClient, command, trade

Found = dict[str, Any]


@pytest_asyncio.fixture
async def venue(stack: Stack, ledger: LedgerClient) -> AsyncIterator[Venue]:
    venue = Venue(ledger.client, await Directory.open(ledger.js))
    await venue.start(A="Energy", B="")
    yield venue


async def now(ledger: LedgerClient, user: UUID, portfolio: UUID | None) -> tuple[int, Found]:
    partition = subjects.partition_of_user(user, PARTITIONS)
    answer = await portfolio_now.ask(ledger.client, partition, user, portfolio, 5.0)
    assert answer is not None
    return (404, {}) if answer == portfolio_now.NOT_FOUND else (200, msgspec.json.decode(answer))


async def until(ask: Callable[[], Awaitable[Found]], holds: Callable[[Found], bool]) -> Found:
    async with asyncio.timeout(10):
        while not holds(found := await ask()):  # noqa: ASYNC110  # the worker does not tell when a price came
            await asyncio.sleep(0.01)
        return found


async def bought(ledger: LedgerClient, user: UUID, portfolio: UUID, symbol: str, quantity: str, price: str) -> None:
    answer = await ledger.record(user, portfolio, trade(Kind.BUY, symbol, quantity, price))
    assert answer.status == 201, answer


async def test_it_is_valued_at_what_it_trades_at(ledger: LedgerClient, venue: Venue) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    await venue.price("A", 12.5, previous=10.0)
    await bought(ledger, user, portfolio, venue.name("A"), "3", "10")
    await bought(ledger, user, portfolio, venue.name("B"), "0.5", "2.01")

    async def ask() -> Found:
        status, body = await now(ledger, user, portfolio)
        assert status == 200
        # Its holdings are those of the last answered command, from the first answer on; only prices come later.
        assert [each["quantity"] for each in body["holdings"]] == ["3", "0.5"]
        return body

    body = await until(ask, lambda found: found["unpriced"] == [venue.name("B")])
    first, second = body["holdings"]
    assert (first["name"], first["sector"], first["price"], first["market_value"]) == (
        "A Inc.",
        "Energy",
        12.5,
        "37.50",
    )
    assert (first["unrealized"], first["day_change"], first["day_change_percent"]) == ("7.50", "7.50", 25.0)
    assert 0 <= first["price_age_ms"] < 60_000
    assert (second["price"], second["market_value"], second["sector"]) == (None, None, "Unclassified")
    # 0.5 x 2.01 is 1.005, which is half a cent from either side.
    assert (body["cash"], body["market_value"], body["total_value"]) == ("-31.00", "38.50", "7.50")
    await venue.price("B", 2.0)
    await until(ask, lambda found: found["market_value"] == "38.50" and not found["unpriced"])
    status, listed = await now(ledger, user, None)
    assert status == 200
    assert [(each["name"], each["total_value"]) for each in listed["portfolios"]] == [("Savings", "7.50")]


async def test_nobody_sees_what_is_anothers_or_gone(ledger: LedgerClient) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    stranger = uuid4()
    while subjects.partition_of_user(stranger, PARTITIONS) != subjects.partition_of_user(user, PARTITIONS):
        stranger = uuid4()
    assert await now(ledger, stranger, portfolio) == (404, {})
    assert await now(ledger, user, uuid4()) == (404, {})
    assert await now(ledger, stranger, None) == (200, {"portfolios": []})
    assert (await now(ledger, user, portfolio))[0] == 200
    assert (await ledger.ask(command(user, Delete(portfolio)))).status == 204
    assert await now(ledger, user, portfolio) == (404, {})
    assert await now(ledger, user, None) == (200, {"portfolios": []})


async def test_every_answer_has_what_was_recorded_before(ledger: LedgerClient) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    for count in range(1, 40):
        await bought(ledger, user, portfolio, f"XNAS:S{count % 7}", "1", "1")
        _, body = await now(ledger, user, portfolio)
        assert sum(Decimal(each["quantity"]) for each in body["holdings"]) == count
        assert body["cash"] == f"-{count}.00"


class Watcher:
    """A gateway's watch of one portfolio."""

    def __init__(self, ledger: LedgerClient, user: UUID, portfolio: UUID) -> None:
        self._ledger = ledger
        self._portfolio = portfolio
        self._subject = subjects.portfolio_watch(subjects.partition_of_user(user, PARTITIONS))
        self.messages: asyncio.Queue[PortfolioMessage] = asyncio.Queue()

    async def start(self) -> None:
        async def came(message: Msg) -> None:
            self.messages.put_nowait(read_message(message.data))

        await self._ledger.client.subscribe(subjects.portfolio(self._portfolio), cb=came)
        await self.say()

    async def say(self, whole: bool = False) -> None:
        watched = Watched([self._portfolio], [self._portfolio] if whole else [])
        await self._ledger.client.publish(self._subject, watched.encode())

    async def next(self) -> PortfolioMessage:
        return await asyncio.wait_for(self.messages.get(), 10)


async def test_who_watches_gets_all_and_then_what_changes(ledger: LedgerClient, venue: Venue) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    await venue.price("A", 10.0)
    await venue.price("B", 20.0)
    for symbol in ("A", "B"):
        await bought(ledger, user, portfolio, venue.name(symbol), "1", "10")

    async def ask() -> Found:
        return (await now(ledger, user, portfolio))[1]

    await until(ask, lambda found: not found["unpriced"])
    watcher = Watcher(ledger, user, portfolio)
    await watcher.start()
    first = await watcher.next()
    assert first.whole
    assert first.valuation["market_value"] == "30.00"
    assert first.valuation.keys() == (await ask()).keys()
    await venue.price("B", 21.5)
    second = await watcher.next()
    assert (second.whole, second.n, second.epoch) == (False, first.n + 1, first.epoch)
    assert [each["symbol"] for each in second.valuation["holdings"]] == [venue.name("B")]
    assert (second.valuation["market_value"], second.valuation["total_value"]) == ("31.50", "11.50")
    assert (await ledger.record(user, portfolio, trade(Kind.SELL, venue.name("A"), "1", "11"))).status == 201
    third = await watcher.next()
    assert (third.valuation["removed"], third.valuation["holdings"]) == ([venue.name("A")], [])
    assert (third.n, third.valuation["realized"], third.valuation["total_value"]) == (first.n + 2, "1.00", "12.50")
    await watcher.say(whole=True)
    again = await watcher.next()
    assert (again.whole, again.n) == (True, first.n + 3)
    assert len(again.valuation["holdings"]) == 1
    await venue.price("A", 99.0)  # no longer held: nobody is told
    await venue.price("B", 21.5)  # nothing but the time is new
    await venue.price("B", 22.0)
    last = await watcher.next()
    assert (last.n, last.valuation["market_value"]) == (first.n + 4, "22.00")
