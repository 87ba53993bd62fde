"""What the tape holds, counted: rows by instrument and epoch, lost, duplicated, out of order."""

from dataclasses import dataclass

import nats
import numpy as np
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig

from infra.local.servers import NatsServer
from market import rows
from market.codes import NO_INSTRUMENT
from market.row_type import Rows
from market.state import EPOCH_SHIFT
from mesh.streams import TAPE
from workers.feed.checkpoint import CheckpointStore

_FETCH = 500


@dataclass(frozen=True)
class Count:
    """The rows of instruments on a tape. In each epoch an instrument's rows count up, so gaps show.

    They count up from 1 in the feed's first epoch; a feed that goes on counts what it read back from the tape as well.
    """

    rows: int
    batches: dict[int, int]  # by epoch
    skipped: dict[int, int]  # by epoch, the numbers below the first of each instrument
    lost: int
    duplicated: int
    out_of_order: int
    last: dict[int, int]  # by instrument number, the highest sequence

    def __str__(self) -> str:
        epochs = ", ".join(f"{count} batches in epoch {epoch}" for epoch, count in self.batches.items())
        return f"{self.rows:,} rows on the tape ({epochs}): lost {self.lost}, duplicated {self.duplicated}"

    @property
    def is_whole(self) -> bool:
        """Whether every row is there from the very first, once, and in order."""
        return self.rows > 0 and not (self.lost or self.duplicated or self.out_of_order or self.skipped[1])


async def read_tape(server: NatsServer) -> Count:
    """Read the whole tape and count."""
    client = await nats.connect(server.url)
    try:
        js = client.jetstream()
        present = (await js.stream_info(TAPE)).state.messages
        subscription = await js.pull_subscribe("tape.*", stream=TAPE, config=ConsumerConfig(ack_policy=AckPolicy.NONE))
        batches: list[Rows] = []
        try:
            while len(batches) < present:
                for message in await subscription.fetch(min(_FETCH, present - len(batches)), timeout=5):
                    batches.append(rows.read_events(message.data))  # noqa: PERF401  # it reads in the order of arrival
        except NatsTimeoutError:
            raise AssertionError(f"the tape gave {len(batches)} of its {present} batches") from None
    finally:
        await client.close()
    return count(batches)


async def last_states(server: NatsServer) -> dict[int, int]:
    """Read the sequences, by instrument number, that a feed left in its checkpoint when it stopped."""
    client = await nats.connect(server.url)
    try:
        found = await CheckpointStore(client.jetstream(), "sim").load()
    finally:
        await client.close()
    assert found is not None
    return dict(zip(found[0]["instrument"].tolist(), found[0]["sequence"].tolist(), strict=True))


def count(batches: list[Rows]) -> Count:
    """Count the rows of batches, in the order of the tape."""
    events = rows.join(batches)
    events = events[events["instrument"] != NO_INSTRUMENT]
    instruments, sequences = events["instrument"].astype(np.int64), events["sequence"].astype(np.int64)
    order = np.argsort(instruments, kind="stable")
    instruments, sequences = instruments[order], sequences[order]
    same = instruments[1:] == instruments[:-1]
    out_of_order = int(np.count_nonzero(same & (np.diff(sequences) <= 0)))
    lost = duplicated = 0
    skipped: dict[int, int] = {}
    last: dict[int, int] = {}
    starts = np.flatnonzero(np.append(True, ~same))
    for number, mine in zip(instruments[starts].tolist(), np.split(sequences, starts[1:]), strict=True):
        last[number] = int(mine.max())
        distinct = np.unique(mine)
        duplicated += len(mine) - len(distinct)
        for epoch in np.unique(distinct >> EPOCH_SHIFT).tolist():
            counts = distinct[distinct >> EPOCH_SHIFT == epoch] - (epoch << EPOCH_SHIFT)
            skipped[epoch] = skipped.get(epoch, 0) + int(counts[0]) - 1
            lost += int(counts[-1] - counts[0]) + 1 - len(counts)
    epochs = [int(batch["sequence"].max()) >> EPOCH_SHIFT for batch in batches]
    return Count(
        rows=len(events),
        batches={epoch: epochs.count(epoch) for epoch in sorted(set(epochs))},
        skipped=skipped,
        lost=lost,
        duplicated=duplicated,
        out_of_order=out_of_order,
        last=last,
    )
