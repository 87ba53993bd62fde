"""The smallest worker: it counts the rows of each instrument, and keeps the counts in a table with a fence.

Also an example of what a worker brings along: a pure core, its frozen state, a shell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from market import rows
from mesh.actor.lease import Lease
from mesh.actor.outbox import Entry, FencedError, Outbox, StoreAwayError
from mesh.actor.protocols import StateError, Step
from mesh.actor.reader import Delivery
from mesh.actor.runtime import ActorRules
from mesh.streams import TAPE

Counts = Mapping[int, int]
SCHEMA = 1
RULES = ActorRules("tally", TAPE, lambda partition: f"tape.{partition}", lease_s=0.6, checkpoint_s=0.1)


@dataclass(frozen=True)
class FrozenTally:
    counts: Counts

    def encode(self) -> bytes:
        return msgspec.msgpack.encode(self.counts)


class Tally:
    """The core: rows by instrument."""

    schema = SCHEMA

    def __init__(self, counts: Counts) -> None:
        self.counts = dict(counts)
        self.pending = 0
        self.wakes_at_ns: int | None = None
        self.applied: list[int] = []

    def apply(self, deliveries: Sequence[Delivery], now_ns: int) -> Step:
        events = rows.join([rows.read_events(each.payload) for each in deliveries])
        self.applied += [each.sequence for each in deliveries]
        numbers, added = np.unique(events["instrument"], return_counts=True)
        for number, count in zip(numbers.tolist(), added.tolist(), strict=True):
            self.counts[number] = self.counts.get(number, 0) + count
        changed = {number: self.counts[number] for number in numbers.tolist()}
        return Step(durable=changed, live=changed)

    def timer(self, now_ns: int) -> Step:
        return Step()

    def freeze(self) -> FrozenTally:
        return FrozenTally(dict(self.counts))


@dataclass
class Table:
    """Where counts are kept: the highest of each instrument, how far each partition is, under which fence."""

    counts: dict[int, int] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    fences: dict[int, int] = field(default_factory=dict)
    is_away: bool = False
    refused: int = 0

    async def write(self, entries: Sequence[Entry[Counts]]) -> None:
        if self.is_away:
            raise StoreAwayError("as the test wants it")
        for entry in entries:
            if entry.fence < self.fences.get(entry.partition, 0):
                self.refused += 1
                raise FencedError(entry.partition)
        for entry in entries:
            self.fences[entry.partition] = entry.fence
            self.reached[entry.partition] = max(self.reached.get(entry.partition, 0), entry.position)
            for number, count in (entry.payload or {}).items():
                self.counts[number] = max(self.counts.get(number, 0), count)


def joined(payloads: Sequence[Counts]) -> Counts:
    return {number: count for payload in payloads for number, count in payload.items()}


class TallyShell:
    """The shell: one of them is one process."""

    def __init__(self, table: Table, max_rows: int = 1000) -> None:
        self.outbox: Outbox[Counts] = Outbox(joined, len, table.write, max_rows)
        self.cores: dict[int, Tally] = {}
        self.restored: list[bytes | None] = []
        self.shown = 0

    async def took(self, partition: int, lease: Lease) -> None:
        assert lease.is_held()

    async def restore(self, partition: int, saved: bytes | None) -> Tally:
        self.restored.append(saved)
        try:
            return Tally({} if saved is None else msgspec.msgpack.decode(saved, type=dict[int, int]))
        except msgspec.DecodeError as error:
            raise StateError(str(error)) from error

    async def answer(self, partition: int, core: Tally, question: object) -> Step:
        raise AssertionError(f"a tally asks nothing, not {question}")

    def publish_live(self, partition: int, live: Counts) -> None:
        self.shown += len(live)

    async def opened(self, partition: int, core: Tally) -> None:
        self.cores[partition] = core

    async def beside(self, partition: int, core: Tally) -> None:
        pass

    async def closed(self, partition: int) -> None:
        del self.cores[partition]
