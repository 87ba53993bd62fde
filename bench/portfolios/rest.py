"""`GET /portfolios/{id}` of 100 holdings on a running stack, beside the usual way: rows, MGET, a Python loop."""

import asyncio
import http.client
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import msgpack  # type: ignore[import-untyped]  # it ships no annotations
import numpy as np
import numpy.typing as npt
import redis.asyncio as redis

from bench.fanout.usage import Meter
from bench.stack import Stack, StackError, log_in, running_process, running_stack
from bench.table import Line
from market import rows
from market.symbols import SymbolKey
from mesh.quote_cache import cache_key

HOLDINGS = 100
REQUESTS = 2000
PEER_ROUNDS = 300
GOAL_MS, GOAL_TIMES = 10.0, 20.0
FEED = "sim:rate=5000,symbols=200"
_READY_WITHIN_S = 30.0

Ms = npt.NDArray[np.float64]


async def measure(folder: Path) -> list[Line]:
    """Ask for one portfolio again and again over one connection, while prices move."""
    async with (
        running_stack(folder) as stack,
        running_process(stack, "workers.feed", TICKMESH_FEED=FEED),
        running_process(stack, "workers.portfolio") as worker,
        running_process(stack, "gateway") as gateway,
    ):
        url, token = await log_in(stack)
        path = await asyncio.to_thread(_opened, url, token)
        meters = Meter(gateway.pid), Meter(worker.pid)
        before = await asyncio.to_thread(_idle, meters)
        meters = Meter(gateway.pid), Meter(worker.pid)
        asked_ms = await asyncio.to_thread(_asked, url, token, path, REQUESTS)
        whole_s = float(asked_ms.sum()) / 1e3
        used_ms = [
            (meter.stop().cpu_s - idle_per_s * whole_s) * 1e3 / REQUESTS
            for meter, idle_per_s in zip(meters, before, strict=True)
        ]
        peer_ms, peer_cpu_ms = await _peer(stack, UUID(path.rpartition("/")[2]))
    gateway_ms, owner_ms = used_ms
    p99 = float(np.percentile(asked_ms, 99))
    times = float(np.median(peer_ms)) / owner_ms
    return [
        Line(
            f"GET of a portfolio with {HOLDINGS} holdings",
            f"p50 {np.median(asked_ms):.2f} ms, p99 {p99:.2f} ms; its owner's processor {owner_ms * 1e3:.0f} us",
            f"p99 <= {GOAL_MS:g} ms, the valuation >= {GOAL_TIMES:g} x the peer",
            p99 <= GOAL_MS and times >= GOAL_TIMES,
            f"asyncpg, MGET and a loop, without HTTP: p50 {np.median(peer_ms):.2f} ms, p99 "
            f"{np.percentile(peer_ms, 99):.2f} ms, {peer_cpu_ms:.2f} ms of its processor: "
            f"{times:.0f} x the owner's time",
            f"{REQUESTS:,} requests on one connection, while {FEED} moves prices. The gateway used {gateway_ms:.2f} ms "
            f"a request. The peer reads {HOLDINGS} rows and as many states, and builds the same members as JSON.",
        )
    ]


def _opened(url: str, token: str) -> str:
    """Open a portfolio with a hundred holdings; return its path once all have prices."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        body = _ask(connection, token, "GET", "/symbols?query=S&limit=100")
        symbols = {each["symbol"] for each in body["symbols"]}
        for letter in "ABCDEFGHIJKLMNOPQRTUVWXYZ":
            found = _ask(connection, token, "GET", f"/symbols?query={letter}&limit=100")
            symbols |= {each["symbol"] for each in found["symbols"]}
        held = sorted(symbols)[:HOLDINGS]
        if len(held) < HOLDINGS:
            raise StackError(f"{FEED} lists {len(held)} symbols; {HOLDINGS} are needed")
        portfolio = _ask(connection, token, "POST", "/portfolios", {"name": "Bench", "currency": "USD"})
        path = f"/portfolios/{portfolio['id']}"
        for place, symbol in enumerate(held):
            buy = {"type": "BUY", "symbol": symbol, "quantity": str(place + 1), "price": "101.25"}
            _ask(connection, token, "POST", f"{path}/holdings", buy)
        until_s = time.monotonic() + _READY_WITHIN_S
        while _ask(connection, token, "GET", path)["unpriced"]:
            if time.monotonic() > until_s:
                raise StackError("not every holding has a price")
        return path
    finally:
        connection.close()


def _idle(meters: tuple[Meter, Meter]) -> tuple[float, ...]:
    """Say what processes use in a second in which nobody asks."""
    time.sleep(2.0)
    return tuple(meter.stop().cpu_s / 2.0 for meter in meters)


def _ask(
    connection: http.client.HTTPConnection, token: str, method: str, path: str, body: object = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    data = answer.read()
    if answer.status not in {200, 201}:
        raise StackError(f"{method} {path} answers {answer.status}: {data[:200]!r}")
    found: dict[str, Any] = json.loads(data)
    return found


def _asked(url: str, token: str, path: str, requests: int) -> Ms:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    took_ms = []
    try:
        for _ in range(requests):
            began_s = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = answer.read()
            took_ms.append((time.perf_counter() - began_s) * 1e3)
            if answer.status != 200 or body.count(b'"symbol"') < HOLDINGS:
                raise StackError(f"{path} answers {answer.status}: {body[:200]!r}")
    finally:
        connection.close()
    return np.array(took_ms)


async def _peer(stack: Stack, portfolio: UUID) -> tuple[Ms, float]:
    """Do the same as it is often done; return what each took, and the processor time of one on average."""
    pool = await asyncpg.create_pool(stack.environment["TICKMESH_POSTGRES_DSN"], min_size=1, ssl=False)
    cache = redis.Redis.from_url(stack.cache_url)
    took_ms = []
    try:
        began_cpu_s = time.process_time()
        for _ in range(PEER_ROUNDS):
            began_s = time.perf_counter()
            json.dumps(await _pulled(pool, cache, portfolio))
            took_ms.append((time.perf_counter() - began_s) * 1e3)
        cpu_ms = (time.process_time() - began_cpu_s) * 1e3 / PEER_ROUNDS
    finally:
        await cache.aclose()
        await pool.close()
    return np.array(took_ms[PEER_ROUNDS // 10 :]), cpu_ms


async def _pulled(pool: "asyncpg.Pool[asyncpg.Record]", cache: redis.Redis, portfolio: UUID) -> dict[str, Any]:
    async with pool.acquire() as connection:
        head = await connection.fetchrow("SELECT * FROM portfolios WHERE id = $1", portfolio)
        held = await connection.fetch("SELECT * FROM holdings WHERE portfolio_id = $1 ORDER BY symbol", portfolio)
    states = await cache.mget([cache_key(SymbolKey.parse(each["symbol"])) for each in held])
    found, cents, fields = [], Decimal("0.01"), rows.STATE.dtype.names or ()
    total = Decimal(0)
    for each, state in zip(held, states, strict=True):
        row = dict(zip(fields, msgpack.unpackb(cast(bytes, state)), strict=True))
        price, previous = Decimal(repr(row["last"])), Decimal(repr(row["prev_close"]))
        value = (each["quantity"] * price).quantize(cents)
        change = value - (each["quantity"] * previous).quantize(cents)
        total += value
        found.append(
            {
                "symbol": each["symbol"],
                "quantity": str(each["quantity"]),
                "average_cost": str((each["cost"] / each["quantity"]).quantize(Decimal("1e-8"))),
                "cost": str(each["cost"].quantize(cents)),
                "price": float(price),
                "market_value": str(value),
                "unrealized": str(value - each["cost"].quantize(cents)),
                "unrealized_percent": round(float((value - each["cost"]) / each["cost"] * 100), 4),
                "day_change": str(change),
                "day_change_percent": round(float(change / (value - change) * 100), 4) if value != change else 0.0,
            }
        )
    for each in found:
        each["weight_percent"] = round(float(Decimal(each["market_value"]) / total * 100), 4)
    return {"name": head["name"], "cash": str(head["cash"]), "market_value": str(total), "holdings": found}
