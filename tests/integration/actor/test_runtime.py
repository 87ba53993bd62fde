"""The runtime with the smallest worker: nothing lost, nothing twice, whoever dies and whatever is away."""

import asyncio

import msgspec
import pytest
from nats.js.errors import NotFoundError

from infra.local.servers import NatsServer
from mesh.actor.lease import LeaseValue
from mesh.streams import CHECKPOINTS, LEASES, TAPE
from tests.integration.actor.conftest import PARTITIONS, StartWorker, Tape
from tests.integration.actor.tally import Table
from tests.integration.tape import until

pytestmark = pytest.mark.timeout(60)


async def until_all(table: Table, tape: Tape, within_s: float = 20.0) -> None:
    await until(lambda: table.reached == tape.last, within_s)
    assert table.counts == tape.counts


async def stored_checkpoints(tape: Tape) -> list[str]:
    objects = await (await tape.js.object_store(CHECKPOINTS)).list()
    return [str(each.name) for each in objects if not each.deleted]


async def test_every_row_counts_once_before_and_after_a_start(tape: Tape, table: Table, start: StartWorker) -> None:
    await tape.write(30)
    worker = await start("a")
    await until_all(table, tape)
    await tape.write(30)
    await until_all(table, tape)
    assert worker.shell.restored == [None] * PARTITIONS
    assert worker.shell.shown > 0


async def test_a_successor_begins_with_the_last_checkpoint(tape: Tape, table: Table, start: StartWorker) -> None:
    first = await start("a")
    await tape.write(20)
    await until_all(table, tape)
    await first.end()
    second = await start("a")
    await tape.write(5)
    await until_all(table, tape)
    assert None not in second.shell.restored
    applied = [sequence for core in second.shell.cores.values() for sequence in core.applied]
    assert len(applied) == 5 * PARTITIONS  # the first one left nothing to do again
    assert min(table.fences.values()) > 0


async def test_one_that_vanishes_is_followed_and_everything_counts_once(
    tape: Tape, table: Table, start: StartWorker
) -> None:
    for _ in range(3):
        worker = await start("a")
        await tape.write(20)
        await until(lambda: any(table.reached.values()))
        await worker.vanish()
    await start("a")
    await until_all(table, tape)


async def test_two_share_the_partitions_and_the_one_left_takes_all(
    tape: Tape, table: Table, start: StartWorker
) -> None:
    first, second = await start("a"), await start("b")
    await until(lambda: [*first.shell.cores, *second.shell.cores] in ([0, 1], [1, 0]))
    await until(lambda: len(first.shell.cores) == len(second.shell.cores) == 1)
    await tape.write(20)
    await until_all(table, tape)
    await second.end()
    await until(lambda: len(first.shell.cores) == PARTITIONS)
    await tape.write(20)
    await until_all(table, tape)


async def test_a_server_that_is_killed_costs_nothing(
    nats_server: NatsServer, tape: Tape, table: Table, start: StartWorker
) -> None:
    worker = await start("a")
    for _ in range(3):
        await tape.write(40)
        await until(lambda: sum(actor.figures.checkpoints for actor in worker.host.actors.values()) > 0)
        nats_server.kill()
        await nats_server.exited()
        await nats_server.start()
        await until(lambda: tape.client.is_connected)
    await tape.write(20)
    await until_all(table, tape)
    for core in worker.shell.cores.values():
        assert core.applied == sorted(set(core.applied))


async def test_without_the_store_nothing_is_acknowledged_and_reading_stops_when_full(
    tape: Tape, table: Table, start: StartWorker
) -> None:
    worker = await start("a", max_rows=1)
    await until(lambda: len(worker.shell.cores) == PARTITIONS)
    table.is_away = True
    await tape.write(20)
    await until(lambda: worker.shell.outbox.full > 0)
    await until(lambda: worker.shell.outbox.away_s > 0.5)
    for info in await tape.js.consumers_info(TAPE):
        assert info.ack_floor is not None
        assert info.ack_floor.stream_seq == 0
    table.is_away = False
    await until_all(table, tape)


async def test_a_checkpoint_frees_the_one_before_and_the_tape(tape: Tape, table: Table, start: StartWorker) -> None:
    worker = await start("a")
    for _ in range(3):
        before = sum(actor.figures.checkpoints for actor in worker.host.actors.values())
        await tape.write(10)
        await until(lambda: sum(actor.figures.checkpoints for actor in worker.host.actors.values()) >= before + 2)  # noqa: B023  # asked within the turn
    await until_all(table, tape)

    async def floors() -> set[int]:
        return {info.ack_floor.stream_seq for info in await tape.js.consumers_info(TAPE) if info.ack_floor}

    for _ in range(400):
        if await floors() == set(tape.last.values()):
            break
        await asyncio.sleep(0.01)
    assert await floors() == set(tape.last.values())
    assert len(await stored_checkpoints(tape)) <= 2 * PARTITIONS
    await worker.vanish()
    worker = await start("a")
    await tape.write(10)
    await until_all(table, tape)
    await until(lambda: all(actor.figures.checkpoints for actor in worker.host.actors.values()))
    fences = {str(fence) for fence in table.fences.values()}  # what the one that vanished left is gone
    assert {name.split(".")[2] for name in await stored_checkpoints(tape)} == fences


async def test_one_whose_partition_was_taken_writes_nothing_more(tape: Tape, table: Table, start: StartWorker) -> None:
    worker = await start("a")
    await tape.write(10)
    await until_all(table, tape)
    fences = dict(table.fences)
    table.fences = {partition: fence + 1000 for partition, fence in fences.items()}  # somebody else has written
    await tape.write(1)
    await until(lambda: table.refused >= PARTITIONS)
    assert table.fences == {partition: fence + 1000 for partition, fence in fences.items()}
    assert worker.shell.outbox.rows == 0


async def test_a_checkpoint_that_is_lost_begins_the_tape_anew(tape: Tape, table: Table, start: StartWorker) -> None:
    first = await start("a")
    await tape.write(10)
    await until_all(table, tape)
    await first.end()
    bucket = await tape.js.object_store(CHECKPOINTS)
    for name in await stored_checkpoints(tape):
        await bucket.delete(name)
    second = await start("a")
    await tape.write(10)
    await until_all(table, tape)
    assert second.shell.restored == [None] * PARTITIONS


async def test_a_lease_says_who_has_it_and_where_to_begin(tape: Tape, table: Table, start: StartWorker) -> None:
    worker = await start("a")
    await tape.write(10)
    await until_all(table, tape)
    await worker.end()
    bucket = await tape.js.key_value(LEASES)
    for partition in range(PARTITIONS):
        value = msgspec.msgpack.decode((await bucket.get(f"tally.{partition}")).value or b"", type=LeaseValue)
        assert (value.owner, value.sequence, value.schema) == ("", tape.last[partition], 1)
        assert value.fence == table.fences[partition]
        assert value.object.startswith(f"tally.{partition}.{value.fence}.")
    with pytest.raises(NotFoundError):
        await tape.js.consumer_info(TAPE, f"tally-0-{table.fences[0]}")  # its consumer went with it
