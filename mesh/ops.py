"""Operational heartbeats: what each process is doing, once a second, on `ops.<process>.<pid>` as JSON."""

import asyncio
import os
from collections.abc import Callable, Mapping

import msgspec

from mesh.bulk_client import BulkClient

INTERVAL_S = 1.0


async def beat(client: BulkClient, process: str, figures: Callable[[], Mapping[str, object]]) -> None:
    """Publish `figures()` every second for as long as the task lives; beats are dropped while NATS is away."""
    subject = f"ops.{process}.{os.getpid()}"
    while True:
        if client.is_connected:
            await client.publish(subject, msgspec.json.encode({"process": process, **figures()}))
        await asyncio.sleep(INTERVAL_S)
