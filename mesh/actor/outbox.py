"""The outbox: durable effects on their way, bounded, coalesced, written together, and how far they are durable.

Actors hand effects over and go on; one task writes them, all partitions of the process at once. While the store is away
effects wait here and newer ones replace older ones of the same thing; when there is no room, actors stop reading.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_logger = logging.getLogger(__name__)

FLUSH_S = 0.2
FLUSH_ROWS = 20_000
_FIRST_RETRY_S = 0.2
_MAX_RETRY_S = 5.0
_COALESCE_ROWS = 50_000

Payload = TypeVar("Payload")


class StoreAwayError(Exception):
    """The store cannot be reached or does not answer; trying again helps."""


class FencedError(Exception):
    """The store has seen a higher fence of this partition; trying again does not help."""

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} has another owner")
        self.partition = partition


@dataclass(frozen=True, slots=True)
class Entry(Generic[Payload]):
    """One partition's effects of one write: everything up to `position` of the tape; None: only the position moved."""

    partition: int
    fence: int
    position: int
    payload: Payload | None


@dataclass(slots=True)
class _Partition(Generic[Payload]):
    fence: int
    position: int
    waiting: list[Payload] = field(default_factory=list)
    writing: list[Payload] = field(default_factory=list)
    rows: int = 0
    coalesced_rows: int = 0
    taken: int = 0  # calls of `put` and `reached`
    written: int = 0  # of these, those whose effects are durable
    is_fenced: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Batch(Generic[Payload]):
    """One partition's part of a write."""

    state: _Partition[Payload]
    entry: Entry[Payload]
    rows: int
    taken: int


class Outbox(Generic[Payload]):
    """A queue of payloads that can be joined: `join` gives the newest of each thing, `size` counts their rows.

    `write` makes entries durable, all or none; raises StoreAwayError or FencedError.
    """

    def __init__(
        self,
        join: Callable[[Sequence[Payload]], Payload],
        size: Callable[[Payload], int],
        write: Callable[[Sequence[Entry[Payload]]], Awaitable[None]],
        max_rows: int,
    ) -> None:
        self._join = join
        self._size = size
        self._write = write
        self._max_rows = max_rows
        self._partitions: dict[int, _Partition[Payload]] = {}
        self._wanted = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._away_since_s: float | None = None
        self.rows = 0  # waiting, those that are being written included
        self.written = 0
        self.full = 0  # times that there was no room

    @property
    def away_s(self) -> float:
        """For how long the store has been away."""
        return 0.0 if self._away_since_s is None else time.monotonic() - self._away_since_s

    def open(self, partition: int, fence: int, position: int) -> None:
        """Begin to take effects of a partition that is owned under a fence and durable to a position."""
        self._partitions[partition] = _Partition(fence, position)

    def close(self, partition: int) -> None:
        """Forget a partition and what waits of it."""
        closed = self._partitions.pop(partition)
        closed.moved.set()
        self._drop(closed.rows)

    def put(self, partition: int, payload: Payload) -> None:
        """Take over effects; await `room` before reading on."""
        state = self._partitions[partition]
        rows = self._size(payload)
        state.waiting.append(payload)
        state.taken += 1
        state.rows += rows
        self.rows += rows
        if state.rows > 2 * state.coalesced_rows + _COALESCE_ROWS:
            self._coalesce(state)
        if self.rows >= self._max_rows:
            self.full += self._room.is_set()
            self._room.clear()
        if self.rows >= FLUSH_ROWS:
            self._hurry.set()
        self._wanted.set()

    def reached(self, partition: int, position: int) -> None:
        """Hear that all effects of the tape up to a position were put."""
        state = self._partitions[partition]
        state.position = position
        state.taken += 1
        self._wanted.set()

    async def room(self) -> None:
        """Wait while the queue is full."""
        await self._room.wait()

    async def durable(self, partition: int) -> None:
        """Wait until everything of a partition that was put before this call is durable; raises FencedError."""
        state = self._partitions[partition]
        taken = state.taken
        self._hurry.set()
        while state.written < taken:
            if state.is_fenced or self._partitions.get(partition) is not state:
                raise FencedError(partition)
            state.moved.clear()
            await state.moved.wait()

    def held(self, partition: int) -> list[Payload]:
        """Give what was put and is not durable yet."""
        state = self._partitions[partition]
        return [*state.writing, *state.waiting]

    async def run(self) -> None:
        """Write what waits, for as long as the task lives."""
        while True:
            await self._wanted.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._hurry.wait()
            self._wanted.clear()
            self._hurry.clear()
            await self._flush()

    async def _flush(self) -> None:
        """Take what waits and write it, until it is written or its partition has another owner."""
        batches = {partition: self._take(partition, state) for partition, state in sorted(self._partitions.items())}
        left = {partition: batch for partition, batch in batches.items() if batch is not None}
        retry_s = _FIRST_RETRY_S
        while left:
            try:
                await self._write([batch.entry for batch in left.values()])
                break
            except FencedError as error:
                _logger.warning("Fenced: %s", error)
                batch = left.pop(error.partition)
                batch.state.is_fenced = True
                batch.state.moved.set()
                self._drop(batch.rows)
            except StoreAwayError as error:
                if self._away_since_s is None:
                    _logger.warning("the store is away: %s", error)
                    self._away_since_s = time.monotonic()
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _MAX_RETRY_S)
        if self._away_since_s is not None:
            _logger.info("the store is back after %.1f s", self.away_s)
            self._away_since_s = None
        for batch in left.values():
            batch.state.written, batch.state.writing = batch.taken, []
            batch.state.moved.set()
            self.written += batch.rows
            self._drop(batch.rows)

    def _take(self, partition: int, state: _Partition[Payload]) -> _Batch[Payload] | None:
        if state.written == state.taken or state.is_fenced:
            return None
        payload = self._join(state.waiting) if state.waiting else None
        batch = _Batch(state, Entry(partition, state.fence, state.position, payload), state.rows, state.taken)
        state.writing = [] if payload is None else [payload]
        state.waiting, state.rows, state.coalesced_rows = [], 0, 0
        return batch

    def _coalesce(self, state: _Partition[Payload]) -> None:
        joined = self._join(state.waiting)
        rows = self._size(joined)
        state.waiting = [joined]
        self._drop(state.rows - rows)
        state.rows = state.coalesced_rows = rows

    def _drop(self, rows: int) -> None:
        self.rows -= rows
        if self.rows < self._max_rows:
            self._room.set()
