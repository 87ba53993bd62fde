"""A gateway's upstream on every instrument of a running feed, in a process of its own, and what it saw."""

import asyncio
import time

import numpy as np
import numpy.typing as npt

from bench.processes import Figures, Line
from gateway.metrics import Metrics
from gateway.upstream import Upstream
from market import rows
from market.instrument import Instrument
from mesh.connection import connect
from mesh.directory import Directory
from mesh.settings import MeshSettings

_ASK_AT_ONCE = 64


class _WatchedUpstream(Upstream):
    """The gateway's upstream, noting each quote's age and whether its sequence went up."""

    ages_ns: list[npt.NDArray[np.int64]]
    stale: int
    reads: int
    _newest: npt.NDArray[np.uint64]

    def begin(self, instruments: int) -> None:
        """Note from here on; before anything is watched."""
        self._newest = np.zeros(instruments, np.uint64)
        self.stale = 0
        self.forget()

    def forget(self) -> None:
        """Begin a measurement."""
        self.ages_ns, self.updates, self.reads = [], 0, 0

    def _receive(self, slots: npt.NDArray[np.intp], payloads: npt.NDArray[np.uint8]) -> None:
        states = payloads.view(rows.STATE.dtype).reshape(-1)
        self.ages_ns.append(time.time_ns() - states["ts_recv"].astype(np.int64))
        self.stale += int((states["sequence"] <= self._newest[slots]).sum())
        self._newest[slots] = states["sequence"]
        self.reads += 1
        super()._receive(slots, payloads)


async def read(line: Line, nats_url: str, symbols: int, others: int = 0) -> None:
    """Watch everything; then answer `begin`, `end` and, once the feed has ended, `compare`.

    `others` instruments, with the first numbers of the directory, are not the feed's.
    """
    symbols += others
    connection = await connect(MeshSettings(nats_url=nats_url), "bench")
    directory = await Directory.open(connection.jetstream())
    upstream = _WatchedUpstream(connection, directory, None, 60.0, Metrics())
    upstream.begin(symbols)
    running = asyncio.ensure_future(upstream.run())
    async with asyncio.timeout(50):
        while len(directory) < symbols:  # noqa: ASYNC110  # the directory has no event for "all are there"
            await asyncio.sleep(0.1)
    instruments = [each for each in directory.all() if int(each.number) >= others]
    await upstream.watch(instruments)
    line.say(ready=True)
    while (words := await line.heard())["do"] != "compare":
        if words["do"] == "begin":
            upstream.forget()
            began_s = time.process_time()
            line.say(begun=True)
        else:
            line.say(**_figures(upstream), cpu_s=time.process_time() - began_s)
    different = await _different(upstream, instruments)
    np.save(
        words["path"],
        np.array([upstream.table.sequence(number) for number in range(symbols)], np.int64),
    )
    line.say(different=different, stale=upstream.stale)
    running.cancel()
    await connection.close()


def _figures(upstream: _WatchedUpstream) -> Figures:
    ages_ms = np.concatenate(upstream.ages_ns) / 1e6 if upstream.ages_ns else np.array([np.nan])
    p50, p99 = np.percentile(ages_ms, [50, 99]).tolist()
    return {
        "updates": upstream.updates,
        "reads": upstream.reads,
        "p50": p50,
        "p99": p99,
        "max": float(ages_ms.max()),
    }


async def _different(upstream: Upstream, instruments: list[Instrument]) -> int:
    """Count the instruments whose state here is not, byte for byte, what the feed's snapshot service answers."""
    different = 0
    for start in range(0, len(instruments), _ASK_AT_ONCE):
        asked = instruments[start : start + _ASK_AT_ONCE]
        for instrument, answer in zip(asked, await asyncio.gather(*map(upstream.ask, asked)), strict=True):
            held = upstream.table.state(int(instrument.number))
            different += answer is None or answer[0].tobytes() != held.tobytes()
    return different
