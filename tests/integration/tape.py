"""What integration tests share: conditions waited for, and the tape read back."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from market import rows
from market.row_type import Rows
from mesh.streams import TAPE

Until = Callable[..., Awaitable[None]]
Stored = list[tuple[str, Rows]]  # each message's subject and events


async def until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait for a condition while the event loop runs, or fail after `within_s`."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not so within {within_s} s"
        await asyncio.sleep(0.005)


async def read_tape(js: JetStreamContext) -> Stored:
    """Read every message of the tape in its stored order."""
    stored: Stored = []
    count = (await js.stream_info(TAPE)).state.messages
    everything = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
    reader = await js.pull_subscribe("tape.*", stream=TAPE, config=everything)
    while len(stored) < count:
        messages = await reader.fetch(min(256, count - len(stored)), timeout=10)
        stored += [(message.subject, rows.read_events(message.data)) for message in messages]
    await reader.unsubscribe()
    return stored
