"""What is on LEDGER and in its tables, and whether the one follows from the other."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from market import subjects
from market.ledger.commands import Command
from mesh.commands import UnreadableError
from mesh.ledger.codec import decode_command
from mesh.streams import LEDGER
from tests.ledger_oracle import Offline, recompute

TABLES = {
    "portfolios": "id",
    "transactions": "id",
    "holdings": "portfolio_id, symbol",
    "commands": "id",
    "ledger_progress": "partition",
}

Rows = list[Mapping[str, Any]]
Tables = dict[str, Rows]


async def read_tables(dsn: str) -> Tables:
    """Read everything that the ledger keeps at one moment, but for fences."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = {
                name: await connection.fetch(f"SELECT * FROM {name} ORDER BY {key}")  # noqa: S608  # names of ours
                for name, key in TABLES.items()
            }
    finally:
        await connection.close()
    return {name: [{k: v for k, v in row.items() if k != "fence"} for row in rows] for name, rows in found.items()}


async def read_commands(js: JetStreamContext) -> list[tuple[int, Command]]:
    """Read LEDGER, in its order, but for what is no command."""
    everything = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
    reader = await js.pull_subscribe("ledger.*", stream=LEDGER, config=everything)
    read: list[tuple[int, Command]] = []
    try:
        count = (await reader.consumer_info()).num_pending or 0
        while count:
            for each in await reader.fetch(min(256, count), timeout=10):
                count -= 1
                with contextlib.suppress(UnreadableError):
                    read.append((each.metadata.sequence.stream, decode_command(each.data)))
    finally:
        await reader.unsubscribe()
    return read


async def tables_at_the_end(dsn: str, js: JetStreamContext, partitions: int, within_s: float = 30.0) -> Tables:
    """Wait until all of LEDGER was decided, and read what it came to."""
    last = {each: await _last(js, subjects.ledger(each)) for each in range(partitions)}
    async with asyncio.timeout(within_s):
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                tables = await read_tables(dsn)
                reached = {row["partition"]: row["sequence"] for row in tables["ledger_progress"]}
                if all(reached.get(each, 0) == sequence for each, sequence in last.items()):
                    return tables
            await asyncio.sleep(0.05)


async def _last(js: JetStreamContext, subject: str) -> int:
    try:
        return (await js.get_last_msg(LEDGER, subject)).seq or 0
    except NotFoundError:
        return 0


def of_users(tables: Tables, users: set[UUID]) -> Tables:
    """Leave out what is other users'."""
    portfolios = [row for row in tables["portfolios"] if row["user_id"] in users]
    own = {row["id"] for row in portfolios}
    return {
        "portfolios": portfolios,
        "commands": [row for row in tables["commands"] if row["user_id"] in users],
        **{name: [row for row in tables[name] if row["portfolio_id"] in own] for name in ("transactions", "holdings")},
    }


def differences(tables: Tables, stream: list[tuple[int, Command]]) -> list[str]:
    """Decide the stream again, offline and slowly; name what the tables have otherwise, to the last digit."""
    offline, first = Offline(), {}
    for sequence, command in stream:
        first.setdefault(command.id, (sequence, command))
    wanted = {number: offline.apply(command, sequence) for number, (sequence, command) in first.items()}
    taken = {row["id"]: row["status"] < 300 for row in tables["commands"] if row["user_id"]}
    wrong = [f"command {number}: {taken.get(number)}" for number in wanted if wanted[number] != taken.get(number)]
    wrong += [f"command {number} is not on the stream" for number in taken.keys() - wanted.keys()]
    for row in tables["portfolios"]:
        wrong += _differences(row["id"], row, tables)
    entered = {row["id"] for row in tables["transactions"]}
    expected = {each["id"] for rows in offline.rows.values() for each in rows}
    return wrong + [f"transaction {number}" for number in entered ^ expected]


def _differences(portfolio: UUID, head: Mapping[str, Any], tables: Tables) -> list[str]:
    totals, holdings = recompute(row for row in tables["transactions"] if row["portfolio_id"] == portfolio)
    wrong = [f"{portfolio} {name}: {head[name]} not {value}" for name, value in totals.items() if head[name] != value]
    held = {row["symbol"]: row for row in tables["holdings"] if row["portfolio_id"] == portfolio}
    wrong += [f"{portfolio} {symbol}" for symbol in held.keys() ^ holdings.keys()]
    for symbol in held.keys() & holdings.keys():
        wrong += [
            f"{portfolio} {symbol} {name}: {held[symbol][name]} not {value}"
            for name, value in holdings[symbol].items()
            if held[symbol][name] != value
        ]
    return wrong
