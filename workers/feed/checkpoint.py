"""Checkpoints of a feed: its states and the tape sequence they include, so that a restart goes on with the same day.

A checkpoint includes every event stored on the tape up to its sequence, as an event is folded in before it is sent.
What was stored later is read back from the tape.
"""

import asyncio
import logging
from typing import Literal

import msgspec
import numpy as np
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError, ObjectNotFoundError

from market import rows
from market.row_type import RowError, Rows, take
from market.state import MarketState
from mesh.streams import CHECKPOINTS, TAPE
from mesh.tape_publisher import feed_of

_logger = logging.getLogger(__name__)

_FETCH_BATCHES = 64
_FETCH_TIMEOUT_S = 2.0
_LOAD_TIMEOUT_S = 20.0


class Checkpoint(msgspec.Struct, array_like=True, frozen=True):
    """What is stored: the schema version, the last tape sequence included, STATE rows back to back."""

    version: Literal[1]
    tape_sequence: int
    states: bytes


class CheckpointStore:
    """Keeps one feed's newest checkpoint."""

    def __init__(self, js: JetStreamContext, feed: str) -> None:
        self._js = js
        self._name = f"feed.{feed}"

    async def save(self, states: Rows, tape_sequence: int) -> None:
        """Replace the checkpoint; the old one stays until the new one is whole."""
        bucket = await self._js.object_store(CHECKPOINTS)
        await bucket.put(self._name, msgspec.msgpack.encode(Checkpoint(1, tape_sequence, states.tobytes())))

    async def load(self) -> tuple[Rows, int] | None:
        """Read the newest checkpoint's states and tape sequence; None where there is none that can be read.

        Raises TimeoutError where the bucket does not give it in time.
        """
        bucket = await self._js.object_store(CHECKPOINTS)
        try:
            async with asyncio.timeout(_LOAD_TIMEOUT_S):  # nats-py's `get` has no bound of its own
                data = (await bucket.get(self._name)).data
        except (ObjectNotFoundError, NotFoundError):
            return None
        try:
            checkpoint = msgspec.msgpack.decode(data or b"", type=Checkpoint)
            return rows.STATE.read(checkpoint.states), checkpoint.tape_sequence
        except (msgspec.DecodeError, RowError) as error:
            _logger.warning("the checkpoint cannot be used, starting without: %s", error)
            return None


async def replay_tape(js: JetStreamContext, feed: str, state: MarketState, included: Rows, tape_sequence: int) -> int:
    """Fold into `state` what this feed put on the tape after a checkpoint; return how many events that were.

    Only events beyond the sequences of the checkpoint's states (`included`) count.
    """
    newest = (await js.stream_info(TAPE)).state.last_seq
    if newest <= tape_sequence:
        return 0
    sequences = np.zeros(len(state), np.int64)
    sequences[included["instrument"]] = included["sequence"]
    start = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=tape_sequence + 1)
    subscription = await js.pull_subscribe("tape.*", stream=TAPE, config=start)
    replayed, last = 0, tape_sequence
    try:
        while last < newest:
            for message in await subscription.fetch(min(_FETCH_BATCHES, newest - last), timeout=_FETCH_TIMEOUT_S):
                last = message.metadata.sequence.stream
                await message.ack()
                if feed_of((message.headers or {}).get("Nats-Msg-Id", "")) != feed:
                    continue
                events = rows.read_events(message.data)
                mine = events["instrument"] < len(state)
                mine[mine] = events["sequence"][mine].astype(np.int64) > sequences[events["instrument"][mine]]
                state.apply(take(events, mine))
                replayed += int(mine.sum())
    except NatsTimeoutError:
        _logger.warning("the tape ended at %d, before %d", last, newest)
    finally:
        await subscription.unsubscribe()
    return replayed
