"""A partition of alerts as its owner has it, on a connection of a test's own."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import numpy as np

from market.alerts.alert import Alert, Outcome
from market.alerts.columns import Touches
from market.alerts.index import AlertIndex
from market.alerts.rule import Condition, Reference, Repeat, State
from market.rows import EVENT_DTYPE, TRADE
from mesh.alerts.batch import Progress, take
from mesh.alerts.loading import live_rules
from mesh.alerts.writes import Changes, Mark, write_decided
from tests.integration.alerts.conftest import NOON
from workers.alert.touches import Draft, Settled, drafted, settle

PARTITION = 3
INSTRUMENT = 7


def alert(number: int, repeat: Repeat, user: UUID) -> Alert:
    now = datetime.now(UTC)
    return Alert(
        id=uuid4(),
        number=number,
        user=user,
        partition=PARTITION,
        instrument=INSTRUMENT,
        symbol="XNYS:S7",
        condition=Condition.ABOVE,
        threshold=100.0,
        reference=Reference.CREATED,
        reference_price=0.0,
        repeat=repeat,
        state=State.ARMED,
        waiting_side=0,
        since=0,
        fired_day=0,
        cooldown_s=0,
        expires_at=None,
        note="",
        channels=(),
        created_at=now,
        updated_at=now,
    )


async def write_rules(connection: asyncpg.Connection, alerts: Sequence[Alert]) -> None:
    await connection.executemany(
        "INSERT INTO alert_users VALUES ($1)", [(each,) for each in {each.user for each in alerts}]
    )
    changes = Changes(alerts={each.id: each for each in alerts})
    await write_decided(connection, Mark(PARTITION, 1, 1, 0, 0), changes)


async def owner(connection: asyncpg.Connection, fence: int) -> tuple[AlertIndex, Progress]:
    """Take the partition as a worker does that has no checkpoint."""
    progress = await take(connection, PARTITION, fence)
    assert progress is not None
    index = AlertIndex(lambda instruments, _: np.full(len(instruments), 9, np.int32))
    index.load(await live_rules(connection, PARTITION), progress.tape_sequence)
    return index, progress


def touched_by(index: AlertIndex, evaluated: int, *prices: float) -> Touches:
    """Let rules see one message, the first of the tape."""
    made = TRADE.blank(len(prices))
    made["instrument"], made["price"], made["sequence"] = INSTRUMENT, prices, 1 + np.arange(len(prices))
    made["ts_event"] = int(NOON.timestamp()) * 10**9
    return index.apply(made.view(EVENT_DTYPE), np.ones(len(prices), np.int64), evaluated)


async def commit(connection: asyncpg.Connection, mark: Mark, touches: Touches, draft: Draft | None = None) -> Settled:
    draft = draft or await drafted(connection, touches)
    await connection.execute("BEGIN")
    try:
        settled = await settle(connection, mark, touches, draft, writing := asyncio.Future())
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")
    assert sum(writing.result().values()) == len(settled.firings.with_outcome(Outcome.SENT))
    return settled
