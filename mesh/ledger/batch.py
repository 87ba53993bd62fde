"""Batches of commands in the tables: one transaction of four statements, of however many partitions they are.

The locks on the partitions' progress come first and in a statement of their own: what is read behind them then includes
whatever a transaction committed that this one had to wait for.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from market.ledger.account import Changes
from mesh.ledger.accounts import PARTS, Wants
from mesh.ledger.rows import (
    COMMANDS,
    HOLDINGS,
    PORTFOLIOS,
    TRANSACTIONS,
    Found,
    Row,
    holding_row,
    portfolio_row,
    transaction_row,
)
from mesh.numbered import Decided
from mesh.pool import Connection

# Every access of a worker is by key, however few rows a table has yet, so it is planned once.
SESSION: Mapping[str, str] = {
    "synchronous_commit": "on",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "idle_in_transaction_session_timeout": "15000",  # a worker that is held up must not hold up the next owner
}

_TAKE = """
    INSERT INTO ledger_progress (partition, fence, sequence) VALUES ($1, $2, 0)
    ON CONFLICT (partition) DO UPDATE SET fence = excluded.fence WHERE ledger_progress.fence <= excluded.fence
    RETURNING sequence
"""
_READ = f"""
    SELECT ARRAY(SELECT p FROM ledger_progress p WHERE p.partition = ANY($6::smallint[])) AS progress,
    ARRAY(SELECT c FROM commands c WHERE c.id = ANY($7::uuid[])) AS commands,
    {PARTS.format(lock="FOR UPDATE")}
"""  # noqa: S608  # no value is in it


class Settled(NamedTuple):
    """What a batch of one partition came to, which is then at `sequence`."""

    partition: int
    sequence: int
    changes: Sequence[Changes]
    decided: Sequence[Decided]


async def take(connection: Connection, partition: int, fence: int) -> int | None:
    """Let nobody write under a lower fence from now on; give how far the partition is. None: a higher one has it.

    Waits for a transaction of an owner before, so that nothing of theirs comes later.
    """
    sequence: int | None = await connection.fetchval(_TAKE, partition, fence)
    return sequence


async def is_decided(connection: Connection, command_id: UUID) -> bool:
    """Tell whether a command is in the tables."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM commands WHERE id = $1)", command_id))


async def begin(connection: Connection, partitions: Iterable[int]) -> None:
    """Begin a transaction that no other of these partitions can overlap."""
    numbers = ", ".join(f"{each:d}" for each in partitions)
    await connection.execute(
        f"BEGIN; SELECT FROM ledger_progress WHERE partition IN ({numbers}) ORDER BY partition FOR UPDATE"
    )


async def read(connection: Connection, partitions: Sequence[int], ids: Sequence[UUID], wants: Wants) -> Found:
    """Read the partitions' `progress`, the `commands` that have these ids, and what `wants` says."""
    found: Found = await connection.fetchrow(_READ, *wants.parameters, partitions, ids)
    return found


async def write(connection: Connection, settled: Sequence[Settled]) -> None:
    """Write all that batches came to, and how far their partitions are."""
    portfolios: dict[UUID, Row] = {}
    transactions: list[Row] = []
    holdings: dict[tuple[UUID, str], Row | None] = {}
    for partition, each in ((one.partition, each) for one in settled for each in one.changes):
        owner = each.portfolio.id
        portfolios[owner] = portfolio_row(each.portfolio, partition)
        transactions += (transaction_row(transaction, owner) for transaction in each.transactions)
        for symbol, holding in each.holdings.items():
            holdings[owner, symbol] = None if holding is None else holding_row(holding, owner, symbol)
    gone = [key for key, row in holdings.items() if row is None]
    await connection.execute(
        _WRITE,
        [one.partition for one in settled],
        [one.sequence for one in settled],
        *_columns(PORTFOLIOS, portfolios.values()),
        *_columns(TRANSACTIONS, transactions),
        *_columns(HOLDINGS, [row for row in holdings.values() if row is not None]),
        *_columns(COMMANDS, [_command_row(each, one.partition) for one in settled for each in one.decided]),
        [portfolio for portfolio, _ in gone],
        [symbol for _, symbol in gone],
    )


def _command_row(each: Decided, partition: int) -> Row:
    answer = msgspec.json.encode(each.answer.body).decode()
    return each.id, each.user, partition, each.sequence, each.digest, each.answer.status, answer, each.recorded_at


def _columns(shape: Mapping[str, str], rows: Iterable[Row]) -> list[tuple[object, ...]]:
    return list(zip(*rows, strict=True)) or [()] * len(shape)


def _insert(table: str, shape: Mapping[str, str], first: int, key: str = "") -> str:
    """Write an INSERT from one array for each column; with a key, rows that are there take the new values."""
    arrays = ", ".join(f"${first + place}::{kind}[]" for place, kind in enumerate(shape.values()))
    insert = f"INSERT INTO {table} ({', '.join(shape)}) SELECT * FROM unnest({arrays})"  # noqa: S608  # no value
    if not key:
        return insert
    changed = ", ".join(f"{name} = excluded.{name}" for name in shape if name not in key.split(", "))
    return f"{insert} ON CONFLICT ({key}) DO UPDATE SET {changed}"


def _write() -> str:
    firsts = [3]
    for shape in (PORTFOLIOS, TRANSACTIONS, HOLDINGS, COMMANDS):
        firsts.append(firsts[-1] + len(shape))
    return f"""
        WITH changed AS ({_insert("portfolios", PORTFOLIOS, firsts[0], "id")}),
        entered AS ({_insert("transactions", TRANSACTIONS, firsts[1])}),
        held AS ({_insert("holdings", HOLDINGS, firsts[2], "portfolio_id, symbol")}),
        decided AS ({_insert("commands", COMMANDS, firsts[3])}),
        gone AS (
            DELETE FROM holdings h USING unnest(${firsts[4]}::uuid[], ${firsts[4] + 1}::text[]) AS none (owner, symbol)
            WHERE h.portfolio_id = none.owner AND h.symbol = none.symbol
        )
        UPDATE ledger_progress p SET sequence = reached.sequence
        FROM unnest($1::smallint[], $2::bigint[]) AS reached (partition, sequence)
        WHERE p.partition = reached.partition
    """  # noqa: S608  # no value is in it


_WRITE = _write()
