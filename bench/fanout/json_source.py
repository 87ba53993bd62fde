"""The textbook gateway's publisher: the same updates at the same pace, in JSON, on a Redis channel for each symbol."""

import asyncio
import time

import msgspec
import numpy as np
from redis.asyncio import Redis

from bench.fanout.pace import Pace
from bench.fanout.sample import FIELDS
from bench.fanout.textbook import channel
from bench.fanout.walk import Numbers, Walk, name
from bench.processes import Line


async def publish(line: Line, redis_url: str, symbols: int) -> None:
    """Answer `ready`; then do as told: `{"per_s": …}` updates a second in all, `{"save": path}` the last states."""
    redis = Redis.from_url(redis_url)
    # A subscriber that falls behind is not cut off: what it then costs is what is measured.
    await redis.config_set("client-output-buffer-limit", "pubsub 0 0 0")
    walk, pace = Walk(symbols), Pace(symbols, time.perf_counter)
    names = [name(number) for number in range(symbols)]

    async def run() -> None:
        while True:
            due = pace.take()
            if len(due):
                await _publish(redis, walk, names, due)
            await asyncio.sleep(pace.until_next_s())

    line.say(ready=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while True:
            words = await line.heard()
            if "save" in words:
                await asyncio.to_thread(np.save, words["save"], walk.states.view(np.uint8))
            else:
                pace.go(words["per_s"])
            line.say(sent=pace.sent, skipped=pace.skipped)


async def _publish(redis: Redis, walk: Walk, names: list[str], due: Numbers) -> None:
    now_ns = time.time_ns()
    states = walk.step(due, now_ns)
    columns = [states[long].tolist() for long in FIELDS.values()]
    pipeline = redis.pipeline(transaction=False)
    for number, sequence, *values in zip(due.tolist(), states["sequence"].tolist(), *columns, strict=True):
        head = {"symbol": names[number], "sequence": sequence, "received_us": now_ns // 1000}
        quote = head | dict(zip(FIELDS.values(), values, strict=True))
        pipeline.publish(channel(names[number]), msgspec.json.encode(quote))
    await pipeline.execute()
