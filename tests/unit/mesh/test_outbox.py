"""The outbox: what is joined, what waits, what is full, what is fenced."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from mesh.actor.outbox import Entry, FencedError, Outbox, StoreAwayError

Payload = dict[str, int]


class Store:
    """Takes entries, or not."""

    def __init__(self) -> None:
        self.writes: list[list[Entry[Payload]]] = []
        self.fenced: set[int] = set()
        self.away = asyncio.Event()
        self.tried = asyncio.Event()

    async def write(self, entries: Sequence[Entry[Payload]]) -> None:
        self.tried.set()
        if self.away.is_set():
            raise StoreAwayError("away")
        for entry in entries:
            if entry.partition in self.fenced:
                raise FencedError(entry.partition)
        self.writes.append(list(entries))


def joined(payloads: Sequence[Payload]) -> Payload:
    return {name: value for payload in payloads for name, value in payload.items()}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest_asyncio.fixture
async def outbox(store: Store) -> AsyncIterator[Outbox[Payload]]:
    made: Outbox[Payload] = Outbox(joined, len, store.write, max_rows=3)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_everything_put_before_is_written_once_and_joined(outbox: Outbox[Payload], store: Store) -> None:
    outbox.open(0, 7, 10)
    outbox.put(0, {"a": 1})
    outbox.put(0, {"a": 2, "b": 1})
    outbox.reached(0, 11)
    assert outbox.held(0) == [{"a": 1}, {"a": 2, "b": 1}]
    await outbox.durable(0)
    assert store.writes == [[Entry(0, 7, 11, {"a": 2, "b": 1})]]
    assert (outbox.rows, outbox.held(0)) == (0, [])
    await outbox.durable(0)  # nothing is waited for


async def test_a_position_is_written_without_effects(outbox: Outbox[Payload], store: Store) -> None:
    outbox.open(0, 7, 10)
    outbox.reached(0, 12)
    await outbox.durable(0)
    assert store.writes == [[Entry(0, 7, 12, None)]]


async def test_all_partitions_are_written_together_in_order(outbox: Outbox[Payload], store: Store) -> None:
    for partition in (1, 0):
        outbox.open(partition, 7, 0)
        outbox.reached(partition, 5)
    await outbox.durable(1)
    assert [[entry.partition for entry in entries] for entries in store.writes] == [[0, 1]]


async def test_while_the_store_is_away_there_is_room_up_to_a_bound(outbox: Outbox[Payload], store: Store) -> None:
    store.away.set()
    outbox.open(0, 7, 0)
    outbox.put(0, {"a": 1, "b": 1, "c": 1})
    await store.tried.wait()
    assert outbox.full == 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await outbox.room()
    assert outbox.away_s > 0
    assert outbox.held(0) == [{"a": 1, "b": 1, "c": 1}]
    store.away.clear()
    await outbox.room()
    await outbox.durable(0)
    assert outbox.away_s == 0
    assert len(store.writes) == 1


async def test_a_fenced_partition_is_left_out_and_says_so(outbox: Outbox[Payload], store: Store) -> None:
    store.fenced = {0}
    for partition in (0, 1):
        outbox.open(partition, 7, 0)
        outbox.put(partition, {"a": 1})
    waiting = asyncio.create_task(outbox.durable(0))
    await outbox.durable(1)
    with pytest.raises(FencedError):
        await waiting
    assert [[entry.partition for entry in entries] for entries in store.writes] == [[1]]
    assert outbox.rows == 0


async def test_a_partition_that_is_given_up_frees_its_room(outbox: Outbox[Payload], store: Store) -> None:
    store.away.set()
    outbox.open(0, 7, 0)
    await store_is_busy(outbox, store)
    outbox.put(0, {"a": 1, "b": 1})
    waiting = asyncio.create_task(outbox.durable(0))
    await asyncio.sleep(0)
    outbox.close(0)
    with pytest.raises(FencedError):
        await waiting
    assert outbox.rows == 1  # what is being written
    store.away.clear()


async def store_is_busy(outbox: Outbox[Payload], store: Store) -> None:
    """Let the outbox begin a write that does not succeed yet."""
    outbox.put(0, {"z": 1})
    await store.tried.wait()
