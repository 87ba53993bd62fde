"""Folding the tape again: what the tables lack comes back, what they have is confirmed."""

from datetime import UTC, datetime

import asyncpg
import pytest
from nats.js import JetStreamContext

from infra.local.servers import NatsServer
from market.candles.timeframe import Timeframe
from tests.candle_tape import TapeWriter, last_of, make_rows, make_two_days
from tests.candle_worker import CandleWorker, check, differences, stored_candles, until_stored
from tests.integration.candle.conftest import PARTITIONS
from workers.candle.compare import Tally
from workers.candle.rebuild import rebuild
from workers.candle.settings import CandleSettings

pytestmark = pytest.mark.timeout(60)


async def test_tables_are_confirmed_spoilt_found_out_and_made_again(
    nats_server: NatsServer, js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    await tape.write(make_rows(6, tape.numbers, 2000), within_s=0.5)
    await until_stored(dsn, await last_of(js, PARTITIONS))
    await worker.stop()
    settings = CandleSettings(nats_url=nats_server.url, postgres_dsn=dsn, partitions=PARTITIONS)
    confirmed = await rebuild(settings, writes=False)
    assert confirmed.total.is_same
    assert all(tally.equal for tally in confirmed.tallies.values())
    assert confirmed.total.equal > 300
    assert (confirmed.written, confirmed.behind) == (0, [])

    database = await asyncpg.connect(dsn, ssl=False)
    try:
        missing = await database.fetchval("WITH gone AS (DELETE FROM candles_5m RETURNING 1) SELECT count(*) FROM gone")
        await database.execute("UPDATE candles_1d SET trades = trades - 1, close = 1")
        behind = await database.fetchval("SELECT count(*) FROM candles_1d")
    finally:
        await database.close()
    found = await rebuild(settings, writes=False)
    assert found.tallies[Timeframe.M5] == Tally(missing=missing)
    assert found.tallies[Timeframe.D1] == Tally(different=behind)
    assert not found.total.is_same
    done = await rebuild(settings, writes=True)
    assert done.written == missing + behind
    assert (await rebuild(settings, (0,), writes=False)).total.is_same
    assert await rebuild(settings, writes=False) == confirmed
    found_again = await check(js, dsn, tape.instruments, PARTITIONS)
    assert (found_again["lost"], found_again["duplicate"], found_again["different"]) == (0, 0, 0)


async def test_a_rebuild_from_a_time_gives_what_one_from_the_beginning_does(
    nats_server: NatsServer, js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    since = datetime(2026, 4, 1, 0, 10, tzinfo=UTC)
    await tape.write(make_two_days(tape.numbers, 1500), within_s=0.5)
    await until_stored(dsn, await last_of(js, PARTITIONS))
    await worker.stop()
    settings = CandleSettings(nats_url=nats_server.url, postgres_dsn=dsn, partitions=PARTITIONS)
    assert (await rebuild(settings, writes=False)).total.is_same
    before = await stored_candles(dsn, tape.instruments)
    database = await asyncpg.connect(dsn, ssl=False)
    try:
        await database.execute("DELETE FROM candles_5m WHERE starts_at >= $1", since)
        await database.execute("DELETE FROM candles_1h WHERE starts_at = $1", since.replace(minute=0))
        await database.execute("UPDATE candles_1w SET trades = trades - 1, high = 1 WHERE starts_at = '2026-03-30Z'")
        in_new_york = "instrument IN (SELECT id FROM candle_instruments WHERE venue = 'XNYS')"
        await database.execute(f"DELETE FROM candles_1mo WHERE {in_new_york}")  # noqa: S608  # a constant
    finally:
        await database.close()
    spoilt = differences(await stored_candles(dsn, tape.instruments), before)
    assert spoilt["lost"] > 0
    assert spoilt["different"] > 0
    done = await rebuild(settings, since=since, writes=True)
    assert done.written == spoilt["lost"] + spoilt["different"]
    after = await stored_candles(dsn, tape.instruments)
    assert differences(after, before) == {"lost": 0, "duplicate": 0, "different": 0}
    assert 0 < done.total.equal < len(before)
