"""Nobody waits for a compiler: what is compiled, is so when the parts are built, and nothing anew while they work.

The work is done in a process of its own, where no other test has had anything compiled.
"""

import asyncio
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from numba.core.dispatcher import Dispatcher

import gateway
import mesh
from gateway.live.channels.quote import QuoteChannel
from gateway.live.fan_out import FanOut
from gateway.live.topics import TopicTable
from gateway.live.wire import JSON, MSGPACK
from tests.unit.gateway.offline import Offline
from tests.unit.gateway.test_channels_quote import named, watching
from tests.unit.gateway.tiny_market import longs

ROOT = Path(__file__).parents[3]


def compiled() -> dict[str, int]:
    """Count, by function, for how many kinds of arguments it was compiled."""
    modules = [
        importlib.import_module(each.name)
        for package in (gateway, mesh)
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not each.name.endswith("__main__")
    ]
    values = [value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)]
    return {f"{value.__module__}.{value.__name__}": len(value.signatures) for value in values}


async def work() -> dict[str, int]:
    """Let quotes come in and go out in every way there is; return what was compiled meanwhile."""
    offline = Offline()
    channel = QuoteChannel(offline.upstream, offline.changed)
    topics = TopicTable(1)
    fan_outs = [FanOut(wire, topics, [channel], lambda _: None) for wire in (JSON, MSGPACK)]
    before = compiled()
    numbers = await watching(offline, channel, "AAPL", "MSFT")
    reading, writing = os.pipe()
    taken: list[bytes] = []
    for fan_out in fan_outs:
        for direct in (None, Pipe(writing)):
            client = fan_out.join(lambda frame: not taken.append(frame), 1, direct)  # type: ignore[arg-type]
            watched = topics.watch(0, numbers)
            fan_out.subscribe(client, watched, longs(0, 0), 0)
            fan_out.snapshot(watched, longs(0, 0))
    for tick, price in enumerate((1.25, 343.26 + 0.01, 1e300), 1):
        await offline.quote(*(named(offline, symbol, tick, bid=price) for symbol in ("AAPL", "MSFT")))
        change = channel.take_changes()
        assert change is not None
        topics.touch(topics.of(0, change.numbers), change.masks, change.positions)
        fresh = topics.take_fresh()
        assert fresh is not None
        for fan_out in fan_outs:
            fan_out.subscriptions.mark(fresh)
            fan_out.begin_round()
            while fan_out.serve(tick, 1):
                pass
    assert len(taken) == 6
    assert len(os.read(reading, 1 << 16)) > 500
    after = compiled()
    return {name: count for name, count in after.items() if count != before[name]}


class Pipe:
    """A direct way that is always open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def attend(self, on_change: object) -> None:
        assert callable(on_change)
        on_change(self._descriptor)


def test_nothing_is_compiled_while_it_works() -> None:
    command = [sys.executable, "-m", "tests.unit.gateway.test_compiled_ahead"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"anew": {}, "ahead": True}


if __name__ == "__main__":
    anew = asyncio.run(work())
    print(json.dumps({"anew": anew, "ahead": bool(np.any(list(compiled().values())))}))  # noqa: T201  # read by the test
