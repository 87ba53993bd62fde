"""Where a stream ends before what was read of it, nothing is read on: new messages would pass for old ones."""

import pytest

from mesh.actor.reader import Delivery, PartitionReader, StreamCutError
from mesh.settings import MeshSettings
from mesh.specs import ConsumerSpec
from mesh.streams import TAPE, declared, ensure
from tests.integration.actor.conftest import Tape


async def test_a_stream_that_lost_its_end_is_not_read(tape: Tape) -> None:
    await tape.write(3)
    spec = ConsumerSpec(TAPE, "reader", "tape.0", 5.0, 10, "a reader")
    last = (await tape.js.stream_info(TAPE)).state.last_seq
    assert await PartitionReader(tape.client, tape.js, spec, last).take(0.05, 1000) == []
    with pytest.raises(StreamCutError, match=f"TAPE ends at {last}, and was read to {last + 1}"):
        await PartitionReader(tape.client, tape.js, spec, last + 1).take(0.05, 1000)


async def test_a_stream_that_was_written_on_after_it_lost_its_end_is_not_read(tape: Tape) -> None:
    spec = ConsumerSpec(TAPE, "reader", "tape.0", 5.0, 10, "a reader")
    await tape.write(3)
    reader = PartitionReader(tape.client, tape.js, spec, 0)
    while len(await reader.take(1.0, 1 << 20)) + reader.pending:
        pass
    reader.connection_lost()
    await tape.write(1)
    assert [each.sequence for each in await taken(reader)] == [7]
    await tape.js.delete_stream(TAPE)
    await ensure(tape.js, declared(MeshSettings(nats_url="unused")))
    await tape.write(6)
    reader.connection_lost()
    with pytest.raises(StreamCutError, match="another message at 7"):
        await taken(reader)


async def taken(reader: PartitionReader) -> list[Delivery]:
    """Take what comes next, however often the reader has to begin anew."""
    while not (found := await reader.take(1.0, 1 << 20)):
        pass
    return found
