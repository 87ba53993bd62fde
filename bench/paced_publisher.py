"""A publisher that goes at a reader's pace: never more than `AHEAD` messages ahead of what it says it received."""

import asyncio
import time

from bench.listed_market import EPOCH, open_market
from bench.processes import Line
from market import rows
from market.state import EPOCH_SHIFT
from mesh.bulk_client import BulkClient
from mesh.connection import connect
from mesh.settings import MeshSettings
from workers.feed.lanes import LiveLanes

PROGRESS = "bench.progress"
AHEAD = 60_000
BATCH = 5_000
_STALLED_S = 5.0


async def publish(line: Line, nats_url: str, symbols: int, seconds: float) -> None:
    """Publish states of all instruments in turn, sequences counting up, no further ahead than the reader allows."""
    market = open_market(symbols)
    client = await connect(MeshSettings(nats_url=nats_url), "bench")
    lanes = LiveLanes(client)
    lanes.add(market.instruments)
    order, states = market.shuffled(1), market.state.snapshot()
    pace = _Pace(client)
    line.say(ready=True)
    await line.heard()
    began_s, sent, turn = time.perf_counter(), 0, 0
    while time.perf_counter() - began_s < seconds and not pace.is_stalled:
        turn += 1
        states["sequence"] = (EPOCH << EPOCH_SHIFT) + turn
        whole = states.view(f"V{rows.STATE.width_bytes}")
        for start in range(0, symbols, BATCH):
            numbers = order[start : start + BATCH]
            lanes.quotes(numbers, whole[numbers].view(rows.STATE.dtype))
            await lanes.send()
            sent += len(numbers)
            await pace.wait(sent)
    await client.flush(timeout=10)
    line.say(sent=sent, turns=turn, stalled=pace.is_stalled)
    await client.close()


class _Pace:
    """Holds the publisher back while the reader is more than `AHEAD` messages behind."""

    def __init__(self, client: BulkClient) -> None:
        self.is_stalled = False
        self._received = 0
        self._moved = asyncio.Event()
        client.subscribe_raw(PROGRESS, self._on_progress)

    async def wait(self, sent: int) -> None:
        """Wait for the reader; give up, and say so, where it makes no progress."""
        await asyncio.sleep(0)
        while sent - self._received > AHEAD and not self.is_stalled:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), _STALLED_S)
            except TimeoutError:
                self.is_stalled = True

    def _on_progress(self, subject: str, payload: bytes) -> None:
        self._received = int(payload)
        self._moved.set()
