"""Where a stream ends before what was read of it, nothing is read on: new messages would pass for old ones."""

import pytest

from mesh.actor.reader import PartitionReader, StreamCutError
from mesh.streams import TAPE, ConsumerSpec
from tests.integration.actor.conftest import Tape


async def test_a_stream_that_lost_its_end_is_not_read(tape: Tape) -> None:
    await tape.write(3)
    spec = ConsumerSpec(TAPE, "reader", "tape.0", 5.0, 10, "a reader")
    last = (await tape.js.stream_info(TAPE)).state.last_seq
    assert await PartitionReader(tape.client, tape.js, spec, last).take(0.05, 1000) == []
    with pytest.raises(StreamCutError, match=f"TAPE ends at {last}, and was read to {last + 1}"):
        await PartitionReader(tape.client, tape.js, spec, last + 1).take(0.05, 1000)
