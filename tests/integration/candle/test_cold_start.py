"""A worker without a checkpoint, on a tape that has lost its beginning: the tables have what came before."""

from pathlib import Path

import numpy as np
import pytest
from nats.js import JetStreamContext

from infra.local.servers import NatsServer
from market import subjects
from market.candles.candles import Candles
from market.candles.timeframe import Timeframe
from market.row_type import take
from mesh.streams import LEASES, TAPE
from tests.candle_tape import TapeWriter, last_of, make_two_days
from tests.candle_worker import (
    CandleWorker,
    differences,
    fold_of,
    folded,
    read_partition,
    stored_candles,
    until_stored,
)
from tests.integration.candle.conftest import PARTITIONS

pytestmark = pytest.mark.timeout(60)
CLEAN = {"lost": 0, "duplicate": 0, "different": 0}
SHORT = (Timeframe.M1, Timeframe.M5)
LONG = (Timeframe.D1, Timeframe.W1, Timeframe.MO1)


@pytest.mark.parametrize("keeps_tables", [True, False])
async def test_windows_begun_before_are_whole_or_not_given_out(
    nats_server: NatsServer, js: JetStreamContext, dsn: str, tape: TapeWriter, tmp_path: Path, keeps_tables: bool
) -> None:
    events = make_two_days(tape.numbers, 1500, amending=0)  # a trade that is off the tape cannot be withdrawn
    middle = len(events) * 3 // 4
    if keeps_tables:
        first = CandleWorker(tmp_path, nats_server.url, dsn, partitions=PARTITIONS)
        await first.start()
    await tape.write(take(events, np.arange(middle)), within_s=0.3)
    if keeps_tables:
        await until_stored(dsn, await last_of(js, PARTITIONS))
        await first.stop()
        await js.delete_key_value(LEASES)
    read = {number: await read_partition(js, number) for number in range(PARTITIONS)}
    await js.purge_stream(TAPE, seq=max(part[len(part) * 9 // 10][0] for part in read.values()))
    second = CandleWorker(tmp_path, nats_server.url, dsn, member="two", partitions=PARTITIONS)
    await second.start()
    await tape.write(take(events, np.arange(middle, len(events))), within_s=0.3)
    await until_stored(dsn, await last_of(js, PARTITIONS))
    await second.stop()

    homes = subjects.partitions_of(events["instrument"].astype(np.uint32), PARTITIONS)
    fold_parts = [
        folded(fold_of(tape.instruments), take(events, np.flatnonzero(homes == number)), len(events))
        for number in range(PARTITIONS)
    ]
    whole = Candles.concat(fold_parts).sorted_newest()
    stored = await stored_candles(dsn, tape.instruments)
    if keeps_tables:
        assert differences(stored, whole) == CLEAN
    else:
        found = differences(stored, whole)
        assert (found["duplicate"], found["different"]) == (0, 0)
        assert found["lost"] > 0
        assert np.isin(stored.timeframe, SHORT).sum() > 100
        assert not np.isin(stored.timeframe, LONG).any()  # each of them began before what is left of the tape
    assert "Traceback" not in second.said
