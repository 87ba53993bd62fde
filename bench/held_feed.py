"""The platform's feed process on a source that starts and ends when it is told to.

It starts when everything else is ready, so that no process catches up while another is measured; and it ends while the
process goes on, so that its last state can be compared with what readers hold.
"""

import asyncio
from collections.abc import Iterator, Mapping

import numpy as np

from bench.processes import Line
from market.rows import EVENT_DTYPE
from workers.feed.adapter import Adapter, Batch, NowNs
from workers.feed.adapters import open_adapter
from workers.feed.service import open_feed
from workers.feed.settings import FeedSettings

IDLE_NS = 20_000_000


class HeldAdapter:
    """Another adapter's listings, its batches once it is `started`, and an end once it is `ended`."""

    def __init__(self, adapter: Adapter) -> None:
        self.name, self.venues, self.time_zone = (
            adapter.name,
            adapter.venues,
            adapter.time_zone,
        )
        self.continues, self.faults = adapter.continues, adapter.faults
        self.started = self.ended = False
        self._adapter = adapter

    def resume(self, states: Mapping[str, np.void]) -> None:
        """Go on where the other adapter would."""
        self._adapter.resume(states)

    def batches(self, now_ns: NowNs) -> Iterator[Batch]:
        """Yield the first batch, empty ones until started, then the others until ended.

        A simulated clock starts after the first batch.
        """
        batches = self._adapter.batches(now_ns)
        yield next(batches)
        while not self.started:
            yield Batch(np.zeros(0, EVENT_DTYPE), due_ns=now_ns() + IDLE_NS)
        for batch in batches:
            if self.ended:
                return
            yield batch


async def feed(line: Line, nats_url: str, cache_url: str, spec: str) -> None:
    """Do what `python -m workers.feed` does; start the source at the first word and end it at the second."""
    adapter = HeldAdapter(open_adapter(spec))

    async def obey() -> None:
        await line.heard()
        adapter.started = True
        await line.heard()
        adapter.ended = True

    settings = FeedSettings(nats_url=nats_url, cache_url=cache_url, feed=spec)
    async with open_feed(settings, adapter) as service:
        obeying = asyncio.ensure_future(obey())
        line.say(ready=True)
        await service.run()
        obeying.cancel()
