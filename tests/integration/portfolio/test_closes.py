"""Days of portfolios in Postgres: made at closes, made up where they are missing, made again where the past changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import pytest_asyncio

from market.answer import Answer
from market.candles.calendar import build_segments
from market.candles.candles import Candles
from market.candles.sessions import DAY_NS
from market.candles.timeframe import Session, Timeframe
from market.ledger.commands import Action, Correct, Create, Record
from market.ledger.transaction import Kind
from mesh.calendars import Calendars
from mesh.candles.writer import CandleWriter
from mesh.directory import Directory
from mesh.ledger.batch import take
from mesh.numbered import Numbered
from tests.databases import new_database
from tests.integration.portfolio.conftest import Stack
from tests.integration.portfolio.venue import Venue
from tests.portfolio_worker import LedgerClient, command, trade
from workers.portfolio.apply import Batch, apply
from workers.portfolio.closes import Closes
from workers.portfolio.stores import Stores

PARTITION, FENCE = 3, 1
NOBODYS = UUID(int=0)
HOUR_NS = 3_600_000_000_000
FIRST = date(2026, 3, 2)
DAYS = 5


@dataclass
class Clock:
    now: datetime


@dataclass
class Maker:
    """Closes of a venue from 14:30 to 21:00 on five days, at a clock that the test sets."""

    dsn: str
    closes: Closes
    clock: Clock
    venue: Venue
    stores: Stores
    connection: "asyncpg.Connection[asyncpg.Record]"
    user: UUID
    portfolio: UUID = NOBODYS
    sequence: int = 0

    async def ask(self, action: Action) -> Answer:
        """Have a command decided and written, as the worker does."""
        asked = command(self.user, action)
        self.sequence += 1
        each = Numbered(self.sequence, asked.id, self.user, asked.digest, asked.received_at, "", asked)
        (outcome,) = await apply(self.connection, [Batch(PARTITION, FENCE, [each], is_alone=True)])
        await self.connection.execute("COMMIT")
        ((_, answer),) = outcome.answers
        assert answer.status == 201, answer
        return answer

    async def make(self, day: int, hour: int = 23) -> int:
        """Make what is due at an hour of a day; return how many days of all portfolios that were."""
        self.clock.now = at(day, hour)
        before = self.closes.made
        await self.closes.make(PARTITION, {self.venue.code})
        return self.closes.made - before

    async def days(self) -> list[tuple[int, str, str]]:
        found = await self.stores.ledger.days(self.portfolio, FIRST - timedelta(9), FIRST + timedelta(9))
        return [((each.day - FIRST).days, f"{each.total_value:.2f}", f"{each.net_flow:.2f}") for each in found]


def at(day: int, hour: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, hour, tzinfo=UTC) + timedelta(day)


@pytest_asyncio.fixture
async def maker(stack: Stack, ledger: LedgerClient) -> AsyncIterator[Maker]:
    dsn = await new_database(stack.postgres)  # the common worker makes days of its own
    directory = await Directory.open(ledger.js)
    venue = Venue(ledger.client, directory)
    await venue.start(A="Energy", B="")
    calendars = await Calendars.open(ledger.js)
    number = (FIRST - date(1970, 1, 1)).days + np.arange(DAYS)
    opens, ends = number * 24 * HOUR_NS + 14 * HOUR_NS, number * 24 * HOUR_NS + 21 * HOUR_NS
    none = np.full(DAYS, np.iinfo(np.int64).min)
    times = build_segments(opens, ends, none, none, number.astype(np.int32), "America/New_York")
    for code in (venue.code, "XNYS"):
        await calendars.publish(code, times, "test")
    await write_closes(dsn, directory, venue, number)
    stores = Stores.of(dsn, "", directory.name_of)
    clock = Clock(at(0, 0))
    closes = Closes(directory, calendars, stores.candles, stores.ledger, stores.days, lambda: clock.now)
    connection = await asyncpg.connect(dsn)
    await take(connection, PARTITION, FENCE)
    maker = Maker(dsn, closes, clock, venue, stores, connection, uuid4())
    try:
        opened = await maker.ask(Create("Savings", "USD"))
        maker.portfolio = UUID(str(opened.body["id"]))
        yield maker
    finally:
        await connection.close()
        await stores.close()


async def write_closes(dsn: str, directory: Directory, venue: Venue, number: np.ndarray) -> None:
    """Let A close at 10, 11, 12, 13, 14, and B trade on the second day alone, at 5."""
    numbers = [each.number for each in directory.all() if each.key.venue == venue.code]
    candles = Candles.of(
        DAYS + 1,
        instrument=[numbers[0]] * DAYS + [numbers[1]],
        timeframe=int(Timeframe.D1),
        session=int(Session.REGULAR),
        start_ns=np.append(number, number[1]) * DAY_NS,
        revision=1,
        trades=1,
        close=[10.0, 11.0, 12.0, 13.0, 14.0, 5.0],
    )
    for name in ("open", "high", "low"):
        getattr(candles, name)[:] = candles.close
    writer = CandleWriter(dsn, directory.name_of)
    await writer.write(candles, [])
    await writer.close()


async def test_a_missed_close_is_made_up_and_the_past_is_made_again(maker: Maker) -> None:
    async def record(kind: Kind, when: datetime, price: str, quantity: str = "1", symbol: str = "") -> UUID:
        named = maker.venue.name(symbol) if symbol else ""
        answer = await maker.ask(Record(maker.portfolio, trade(kind, named, quantity, price, executed_at=when)))
        return UUID(str(answer.body["id"]))

    await record(Kind.DEPOSIT, at(0, 15), "100")
    await record(Kind.BUY, at(0, 16), "9", "2", "A")
    assert await maker.make(0, 20) == 0  # it has not closed yet
    assert await maker.days() == []
    assert await maker.make(2) == 3
    whole = [(0, "102.00", "100.00"), (1, "104.00", "0.00"), (2, "106.00", "0.00")]
    assert await maker.days() == whole
    assert await maker.make(2) == 0
    assert await maker.days() == whole
    # What is entered now and takes effect on the second day changes that day and all behind it.
    late = await record(Kind.BUY, at(1, 15), "4", "1", "B")
    await maker.make(2)
    assert await maker.days() == [(0, "102.00", "100.00"), (1, "105.00", "0.00"), (2, "107.00", "0.00")]
    await maker.ask(Correct(maker.portfolio, late, None))
    await maker.make(4)
    assert await maker.days() == [*whole, (3, "108.00", "0.00"), (4, "110.00", "0.00")]
    await record(Kind.WITHDRAWAL, at(4, 12), "50")
    await maker.make(4)
    assert (await maker.days())[-1] == (4, "60.00", "-50.00")
    await record(Kind.DEPOSIT, at(4, 22), "1")  # behind the last close
    assert await maker.make(4) == 0


async def test_cash_alone_goes_by_new_york(maker: Maker) -> None:
    await maker.ask(Record(maker.portfolio, trade(Kind.DEPOSIT, "", "1", "5", executed_at=at(3, 12))))
    await maker.make(4)
    assert await maker.days() == [(3, "5.00", "5.00"), (4, "5.00", "0.00")]


async def test_the_days_of_an_older_ledger_do_not_overwrite(maker: Maker) -> None:
    deposit = Record(maker.portfolio, trade(Kind.DEPOSIT, "", "1", "5", executed_at=at(3, 12)))
    await maker.ask(deposit)
    (due,) = await maker.stores.days.due(PARTITION, at(4, 21), NOBODYS, 100)
    await maker.ask(deposit)
    await maker.make(4)
    now = [(3, "10.00", "10.00"), (4, "10.00", "0.00")]
    assert await maker.days() == now
    await maker.stores.days.write(due, [], at(0, 0), at(4, 21))
    assert await maker.days() == now


async def test_what_had_no_price_yet_counts_at_its_cost(maker: Maker) -> None:
    fields = trade(Kind.BUY, maker.venue.name("B"), "3", "1.005", executed_at=at(0, 15))
    await maker.ask(Record(maker.portfolio, fields))
    await maker.make(1)
    rows = await maker.connection.fetch("SELECT * FROM portfolio_days ORDER BY day")
    # 3.015, half to even.
    assert [(row["market_value"], row["cost"], row["cash"]) for row in rows] == [
        (Decimal("3.02"), Decimal("3.02"), Decimal("-3.02")),
        (Decimal("15.00"), Decimal("3.02"), Decimal("-3.02")),
    ]
    assert [row["priced_at"] for row in rows] == [at(0, 21), at(1, 21)]
