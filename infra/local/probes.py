"""Questions that only a serving server can answer; each raises `NotReady` until it does."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import redis.asyncio
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.local.service import NotReady, Step

ASK_AGAIN_S = 0.02
ANSWER_WITHIN_S = 2.0


def nats_answers(port: int) -> Step:
    """Probe a nats-server: it greets with an INFO line that offers JetStream."""

    async def probe() -> None:
        info = await _greeting(port)
        if not info.startswith(b"INFO "):
            raise NotReady(f"port {port} greets with {info[:20]!r}, not INFO")
        if not json.loads(info[5:]).get("jetstream"):
            raise NotReady("JetStream is off")

    return probe


async def _greeting(port: int) -> bytes:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise NotReady(f"no answer on port {port}: {error}") from error


def postgres_answers(dsn: str) -> Step:
    """Probe a Postgres by logging in and asking for one row."""

    async def probe() -> None:
        try:
            connection = await asyncpg.connect(dsn, timeout=ANSWER_WITHIN_S, ssl=False)
            try:
                await connection.fetchval("SELECT 1", timeout=ANSWER_WITHIN_S)
            finally:
                await connection.close(timeout=ANSWER_WITHIN_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise NotReady(f"no login: {error}") from error

    return probe


def cache_answers(url: str) -> Step:
    """Probe a Redis-compatible server by PING."""

    async def probe() -> None:
        client = redis.asyncio.Redis.from_url(url, socket_timeout=ANSWER_WITHIN_S, retry=Retry(NoBackoff(), 0))
        try:
            await client.ping()
        except (OSError, redis.exceptions.RedisError) as error:
            raise NotReady(f"no PONG: {error}") from error
        finally:
            await client.aclose()

    return probe


def http_answers(host: str, port: int, path: str) -> Step:
    """Probe an HTTP service: the path answers 200."""

    async def probe() -> None:
        status, body = await http_request(host, port, "GET", path)
        if status != http.client.OK:
            raise NotReady(f"{path} answers {status}: {body.decode(errors='replace')[:200]}")

    return probe


async def http_request(
    host: str, port: int, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, bytes]:
    """Ask a local HTTP service, with a JSON body if given; return status and body. Raises `NotReady` without answer."""

    def ask() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)
        try:
            connection.request(
                method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    try:
        return await asyncio.to_thread(ask)
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"no answer on {host}:{port}: {error}") from error


async def until_ready(probe: Step, within_s: float) -> None:
    """Ask the probe again and again until it is content; after `within_s` raise its last `NotReady`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        try:
            await probe()
        except NotReady:
            if loop.time() >= deadline:
                raise
            await asyncio.sleep(ASK_AGAIN_S)
        else:
            return
