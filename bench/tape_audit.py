"""Reads the whole tape back and counts: rows, and breaks in each instrument's sequence."""

import nats
import numpy as np
from nats.js.api import AckPolicy, ConsumerConfig

from bench.processes import Line
from market import rows
from market.codes import NO_INSTRUMENT
from market.grouping import group
from market.row_type import take
from market.state import EPOCH_SHIFT
from mesh.streams import TAPE

_FETCH = 64


class Audit:
    """What was read so far of a tape that one epoch of a feed wrote."""

    def __init__(self) -> None:
        self.rows = 0
        self.messages = 0
        self.breaks = 0
        self.last = np.zeros(0, np.int64)  # by instrument number, 0 where none came

    def take(self, data: bytes) -> None:
        """Count a batch; a break is a row whose sequence is not one more than its instrument's last."""
        events = rows.read_events(data)
        self.messages += 1
        self.rows += len(events)
        events = take(events, events["instrument"] != NO_INSTRUMENT)
        missing = int(events["instrument"].max(initial=0)) + 1 - len(self.last)
        self.last = np.append(self.last, np.zeros(max(0, missing), np.int64))
        groups = group(events["instrument"])
        sequences = events["sequence"].astype(np.int64)
        before = self.last[events["instrument"]]
        before = np.where(before == 0, sequences >> EPOCH_SHIFT << EPOCH_SHIFT, before)
        self.breaks += int((sequences != before + 1 + groups.ranks).sum())
        self.last[groups.keys] = sequences[groups.lasts]


async def audit(line: Line, nats_url: str, path: str) -> None:
    """Read every message of the stream, in order; save the last sequences to `path` (.npy) where one is given."""
    client = await nats.connect(nats_url)
    js = client.jetstream()
    newest = (await js.stream_info(TAPE)).state.last_seq
    subscription = await js.pull_subscribe("tape.*", stream=TAPE, config=ConsumerConfig(ack_policy=AckPolicy.NONE))
    found, last = Audit(), 0
    while last < newest:
        for message in await subscription.fetch(min(_FETCH, newest - last), timeout=10):
            found.take(message.data)
            last = message.metadata.sequence.stream
    if path:
        np.save(path, found.last)
    line.say(rows=found.rows, messages=found.messages, breaks=found.breaks)
    await client.close()
