"""The real worker on a real tape: what it stores, shows, answers and rejects."""

import asyncio
import contextlib
from collections import Counter

import nats
import numpy as np
import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from infra.local.servers import NatsServer
from market import rows, subjects
from market.candles.candles import Candles, from_rows
from market.candles.timeframe import Timeframe
from market.codes import CandleFlag, CorrectionFlag, Kind
from market.row_type import Rows
from mesh.candles.now import ask
from mesh.streams import CANDLES, REJECTS, TAPE
from tests.candle_tables import Tables, fold_in
from tests.candle_tape import TapeWriter, last_of, make_rows
from tests.candle_worker import (
    CandleWorker,
    check,
    differences,
    fold_of,
    folded,
    read_partition,
    stored_candles,
    until_stored,
)
from tests.integration.candle.conftest import PARTITIONS
from tests.integration.tape import until

pytestmark = pytest.mark.timeout(60)
Highs = dict[Timeframe, tuple[float, int, int]]
HOURS = (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1)
CLEAN = {"lost": 0, "duplicate": 0, "different": 0}


async def read_all(js: JetStreamContext, stream: str) -> list[Msg]:
    """Read everything that a stream holds."""
    count = (await js.stream_info(stream)).state.messages
    reader = await js.pull_subscribe(">", stream=stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE))
    messages: list[Msg] = []
    while len(messages) < count:
        messages += await reader.fetch(count - len(messages), timeout=5)
    await reader.unsubscribe()
    return messages


async def test_candles_in_tables_and_streams_are_those_of_the_tape(
    js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    await tape.write(make_rows(3, tape.numbers, 3000), within_s=1.0)
    await until_stored(dsn, await last_of(js, PARTITIONS))
    found = await check(js, dsn, tape.instruments, PARTITIONS, (1, 97))
    assert found.pop("candles") > 300
    assert found == CLEAN

    stored = await stored_candles(dsn, tape.instruments)
    streamed = Candles.of(0)
    async with asyncio.timeout(10):
        while len(streamed) < len(stored):  # they are published once they are stored
            messages = await read_all(js, CANDLES)
            parts = [from_rows(rows.CANDLE.read(message.data)) for message in messages]
            streamed = Candles.concat([Candles.of(0), *parts]).sorted_newest()
    for name in ("instrument", "timeframe", "session", "start_ns", "revision", "trades", "close", "volume"):
        np.testing.assert_array_equal(getattr(streamed, name), getattr(stored, name))
    for message in messages:
        homes = subjects.partitions_of(rows.CANDLE.read(message.data)["instrument"], PARTITIONS)
        assert {subjects.candles(home) for home in homes.tolist()} == {message.subject}


async def test_rows_in_no_candle_are_kept_with_their_reason(
    js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    await tape.write(make_rows(5, tape.numbers, 4000), within_s=1.0)
    partitions = [await read_partition(js, number) for number in range(PARTITIONS)]
    expected: Counter[tuple[str, int]] = Counter()
    for messages in partitions:
        fold, tables = fold_of(tape.instruments), Tables()
        everything = rows.join([events for _, events in messages])
        at = np.repeat([sequence for sequence, _ in messages], [len(events) for _, events in messages])
        for sequence, events in messages:
            output = fold_in(fold, events, np.full(len(events), sequence), tables, everything, at)
            for reason, found in (("late", output.late), *((bad.reason, bad.rows) for bad in output.bad)):
                expected[reason, sequence] += len(found)
    await until_stored(dsn, await last_of(js, PARTITIONS))
    kept: Counter[tuple[str, int]] = Counter()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while kept != +expected:  # they are published once the candles are stored
                kept = await rejected(js)
    assert kept == +expected
    assert {reason for reason, _ in kept} >= {"late", "gap", "unknown_instrument", "unrefoldable", "size_absurd"}


async def rejected(js: JetStreamContext) -> Counter[tuple[str, int]]:
    """Count the rows that were rejected, by reason and message of the tape."""
    kept: Counter[tuple[str, int]] = Counter()
    for message in await read_all(js, REJECTS):
        headers = message.headers or {}
        reason, sequence = headers["Tickmesh-Reason"], int(headers["Tickmesh-Tape"])
        kept[reason, sequence] += len(rows.read_events(message.data))
        assert message.subject.startswith("late." if reason == "late" else "quarantine.")
    return kept


async def test_a_message_that_is_no_rows_is_kept_whole(
    js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    for payload in (b"no rows", b"\x9a" * rows.EVENT_BYTES):
        await js.publish("tape.1", payload, headers={"Nats-Msg-Id": "other-1-1-1" + payload[:1].hex()})
    await tape.write(make_rows(1, tape.numbers, 500), within_s=0.5)
    await until_stored(dsn, await last_of(js, PARTITIONS))
    unreadable = [
        message for message in await read_all(js, REJECTS) if (message.headers or {})["Tickmesh-Reason"] == "unreadable"
    ]
    assert [message.data for message in unreadable] == [b"no rows", b"\x9a" * rows.EVENT_BYTES]
    found = await check_clean(js, dsn, tape)
    assert found == CLEAN


async def check_clean(js: JetStreamContext, dsn: str, tape: TapeWriter) -> dict[str, int]:
    """Compare the tables with what can be read of the tape."""
    expected = []
    for number in range(PARTITIONS):
        messages = await read_partition(js, number, is_whole=False)
        expected.append(folded(fold_of(tape.instruments), rows.join([events for _, events in messages]), 1000))
    return differences(await stored_candles(dsn, tape.instruments), Candles.concat(expected).sorted_newest())


async def test_open_candles_are_shown_and_answered(
    nats_server: NatsServer, js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    client = await nats.connect(nats_server.guest_url)
    mesh = await nats.connect(nats_server.url)
    try:
        made = make_rows(2, tape.numbers, 2000, amending=0)[: -len(tape.numbers)]  # without those that close all
        number = int(made["instrument"][made["kind"] == Kind.TRADE][-1])
        key = tape.instruments[tape.numbers.index(number)].key
        shown: list[Candles] = []

        async def note(message: Msg) -> None:
            shown.append(from_rows(rows.CANDLE.read(message.data)))

        await client.subscribe(f"candle.*.{key.token}", cb=note)
        await client.flush()
        await tape.write(made, within_s=1.0)
        await until_stored(dsn, await last_of(js, PARTITIONS))
        present, answered = await ask(mesh, tape.numbers, PARTITIONS)
        assert answered == set(range(PARTITIONS))
        assert set(present.instrument.tolist()) == set(tape.numbers)
        mine = present.take(present.instrument == number)
        is_open = (mine.flags & CandleFlag.CLOSED) == 0
        assert set(mine.timeframe[is_open].tolist()) == {int(each) for each in Timeframe}
        newest = newest_of(mine.take(is_open))
        await until(lambda: newest.items() <= newest_of(Candles.concat(shown)).items())
        together = Candles.concat(shown)
        assert (together.instrument == number).all()
        assert ((together.flags & CandleFlag.CLOSED) > 0).any()
    finally:
        await client.close()
        await mesh.close()


def newest_of(candles: Candles) -> dict[tuple[int, ...], tuple[object, ...]]:
    """Give the newest state of each candle by its identity."""
    newest = candles.sorted_newest()
    keys = zip(newest.timeframe.tolist(), newest.session.tolist(), newest.start_ns.tolist(), strict=True)
    closes = [str(close) for close in newest.close.tolist()]  # NaN is what it is
    values = zip(newest.revision.tolist(), newest.trades.tolist(), closes, strict=True)
    return dict(zip(keys, values, strict=True))


async def test_nobody_answers_where_nobody_works(nats_server: NatsServer, tape: TapeWriter) -> None:
    client = await nats.connect(nats_server.url)
    try:
        present, answered = await ask(client, tape.numbers, PARTITIONS, timeout_s=0.5)
        assert (len(present), answered) == (0, set())
    finally:
        await client.close()


async def test_a_bust_changes_the_high_in_tables_stream_and_what_is_shown(
    nats_server: NatsServer, js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    """The minute has settled, the hour is over, the day goes on."""
    key = tape.instruments[1].key  # of a venue that never closes
    trades, bust = trades_and_a_bust(tape.numbers[1])
    mesh = await nats.connect(nats_server.url)
    try:
        shown: list[Candles] = []

        async def note(message: Msg) -> None:
            shown.append(from_rows(rows.CANDLE.read(message.data)))

        await mesh.subscribe(f"candle.*.{key.token}", cb=note)
        await mesh.flush()
        await tape.write(trades, within_s=0.1)
        async with asyncio.timeout(30):
            await until_highs(dsn, tape, dict.fromkeys(HOURS, (99.0, 0, 3)))
            await tape.write(bust, within_s=0.1)
            amended = dict.fromkeys(HOURS, (11.0, 1, 2))
            await until_highs(dsn, tape, amended)
            streamed: Highs = {}
            while streamed != amended:  # they are published once they are stored
                messages = await read_all(js, CANDLES)
                streamed = highs(Candles.concat([from_rows(rows.CANDLE.read(message.data)) for message in messages]))
        longer = set(Timeframe) - set(HOURS)
        await until(lambda: highs(Candles.concat(shown)) == amended | dict.fromkeys(longer, (13.0, 1, 4)))
    finally:
        await mesh.close()


async def test_a_bust_of_what_the_tape_has_dropped_is_kept_with_its_reason(
    js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    trades, bust = trades_and_a_bust(tape.numbers[1])
    async with asyncio.timeout(30):
        await tape.write(trades, within_s=0.1)
        await until_highs(dsn, tape, dict.fromkeys(HOURS, (99.0, 0, 3)))
        await js.purge_stream(TAPE)
        await tape.write(bust, within_s=0.1)
        while "unrefoldable" not in {reason for reason, _ in await rejected(js)}:
            pass
    await until_highs(dsn, tape, dict.fromkeys(HOURS, (99.0, 0, 3)))


def trades_and_a_bust(number: int) -> tuple[Rows, Rows]:
    """Make three trades of a minute, two of hours later, and a correction that withdraws the highest of the three."""
    noon_ns = 1_772_625_600 * 10**9
    trades = rows.TRADE.blank(5)
    trades["instrument"], trades["sequence"], trades["size"] = number, np.arange(5) + 1, 1
    trades["ts_event"] = noon_ns + np.array([0, 1, 2, 7200, 7201]) * 10**9
    trades["ts_recv"], trades["price"], trades["trade_id"] = trades["ts_event"], [10, 99, 11, 12, 13], np.arange(5) + 1
    bust = rows.CORRECTION.blank(1)
    bust["instrument"], bust["sequence"], bust["flags"] = number, 6, CorrectionFlag.BUST
    bust["ts_event"] = bust["ts_recv"] = noon_ns + 7300 * 10**9
    bust["price"], bust["size"], bust["trade_id"], bust["ts_trade"] = 99, 1, 2, noon_ns + 10**9
    return rows.join([trades]), rows.join([bust])


async def until_highs(dsn: str, tape: TapeWriter, expected: Highs) -> None:
    """Wait until the tables hold these."""
    while highs(await stored_candles(dsn, tape.instruments)) != expected:  # noqa: ASYNC110  # they do not tell
        await asyncio.sleep(0.05)


def highs(candles: Candles) -> Highs:
    """Give high, revision and trades of the earliest candle of each timeframe, in its newest state."""
    newest = candles.sorted_newest()
    timeframes, first = np.unique(newest.timeframe, return_index=True)
    found = newest.take(first)
    values = zip(found.high.tolist(), found.revision.tolist(), found.trades.tolist(), strict=True)
    return dict(zip(map(Timeframe, timeframes.tolist()), values, strict=True))
