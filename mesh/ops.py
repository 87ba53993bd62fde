"""Operational heartbeats: what each process is doing, once a second, on `ops.<process>.<pid>` as JSON."""

import asyncio
import os
from collections.abc import Callable, Mapping

import msgspec

from mesh.bulk_client import BulkClient

INTERVAL_S = 1.0


class Rate:
    """Turns a running count into a rate, between one look and the next."""

    def __init__(self, now_s: float) -> None:
        self._count = 0
        self._at_s = now_s

    def per_s(self, count: int, now_s: float) -> float:
        """Give the increase per second since the last look."""
        rate = (count - self._count) / max(now_s - self._at_s, 1e-9)
        self._count, self._at_s = count, now_s
        return rate


async def beat(client: BulkClient, process: str, figures: Callable[[], Mapping[str, object]]) -> None:
    """Publish `figures()` every second for as long as the task lives; beats are dropped while NATS is away."""
    subject = f"ops.{process}.{os.getpid()}"
    while True:
        if client.is_connected:
            await client.publish(subject, msgspec.json.encode({"process": process, **figures()}))
        await asyncio.sleep(INTERVAL_S)
