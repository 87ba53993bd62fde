"""The real worker on a real tape: what it stores is what a fold of the whole tape gives, bit for bit."""

import pytest
from nats.js import JetStreamContext

from tests.candle_tape import TapeWriter, last_of, make_rows
from tests.candle_worker import CandleWorker, check, until_stored
from tests.integration.candle.conftest import PARTITIONS

pytestmark = pytest.mark.timeout(60)


async def test_candles_in_the_tables_are_those_of_the_tape(
    js: JetStreamContext, dsn: str, tape: TapeWriter, worker: CandleWorker
) -> None:
    await tape.write(make_rows(3, tape.numbers, 3000), within_s=1.0)
    await until_stored(dsn, await last_of(js, PARTITIONS))
    found = await check(js, dsn, tape.instruments, PARTITIONS, (1, 97))
    assert found.pop("candles") > 300
    assert found == {"lost": 0, "duplicate": 0, "different": 0}
