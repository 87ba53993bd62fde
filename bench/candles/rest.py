"""`GET /candles` on a running gateway, beside pandas over the same rows of the same tables."""

import asyncio
import http.client
import time
from pathlib import Path
from urllib.parse import urlsplit

import nats
import numpy as np
import numpy.typing as npt
import pandas as pd  # type: ignore[import-untyped]  # it ships no annotations
import psycopg
from nats.aio.client import Client
from nats.aio.msg import Msg

from bench.fanout.usage import Meter
from bench.stack import Stack, StackError, log_in, running_process, running_stack
from bench.table import Line
from market import subjects
from market.candles.candles import Candles, to_rows
from market.candles.timeframe import Timeframe
from market.symbols import SymbolKey
from mesh.candles.writer import CandleWriter
from mesh.directory import Directory

SYMBOL = SymbolKey("XNAS", "AAPL")
STORED = 20_000
CANDLES = 1000
WARM_UP = 750  # of the average over 50
INDICATORS = "sma:20,ema:50,rsi:14,macd:12:26:9"
REQUESTS = 1000
PEER_ROUNDS = 200
GOAL_MS = 15.0
_MINUTE_NS = 60_000_000_000

Ms = npt.NDArray[np.float64]


async def measure(folder: Path) -> list[Line]:
    """Ask one gateway for the newest candles, over one connection that is kept."""
    async with (
        running_stack(folder) as stack,
        running_process(stack, "workers.feed", TICKMESH_FEED="sim:rate=100,profile=flat"),
        running_process(stack, "gateway") as gateway,
    ):
        client = await nats.connect(stack.nats_url)
        try:
            made = await _stored(stack, client)
            newest = to_rows(made.take(np.array([STORED - 1]))).tobytes()

            async def answer(request: Msg) -> None:
                await request.respond(newest)

            await client.subscribe(subjects.candle_now(_partition(made)), cb=answer)
            await client.flush()
            url, token = await log_in(stack)
            meter = Meter(gateway.pid)
            open_ms = await asyncio.to_thread(_asked, url, token, f"limit={CANDLES}")
            cpu_ms = meter.stop().cpu_s * 1e3 / len(open_ms)
            end_s = int(made.start_ns[-10]) // 10**9
            closed_ms = await asyncio.to_thread(_asked, url, token, f"limit={CANDLES}&end={end_s}")
        finally:
            await client.close()
        peer_ms = await asyncio.to_thread(_peer, stack.environment["TICKMESH_POSTGRES_DSN"])
    p99 = float(np.percentile(open_ms, 99))
    return [
        Line(
            f"GET of {CANDLES:,} candles, 4 indicators",
            f"p50 {np.median(open_ms):.2f} ms, p99 {p99:.2f} ms ({cpu_ms:.1f} ms of the gateway's CPU)",
            f"p99 <= {GOAL_MS:g} ms",
            p99 <= GOAL_MS,
            f"psycopg, pandas and its to_json in one process, without HTTP: p50 {np.median(peer_ms):.2f} ms, "
            f"p99 {np.percentile(peer_ms, 99):.2f} ms",
            f"{REQUESTS:,} requests on one connection, {INDICATORS}, the open candle from the worker and "
            f"{CANDLES + WARM_UP:,} from the tables each time. A closed range is answered from memory: "
            f"p50 {np.median(closed_ms):.2f} ms, p99 {np.percentile(closed_ms, 99):.2f} ms.",
        )
    ]


async def _stored(stack: Stack, client: Client) -> Candles:
    """Store minutes up to a while ago, the last of them open."""
    directory = await Directory.open(client.jetstream())
    await directory.load()
    instrument = directory.get(SYMBOL)
    if instrument is None:
        raise StackError(f"the feed does not list {SYMBOL}")
    close = np.round(100 + np.abs(np.cumsum(np.random.default_rng(1).normal(0, 0.1, STORED))), 2)
    last_ns = time.time_ns() // _MINUTE_NS * _MINUTE_NS - 60 * _MINUTE_NS
    volume = np.arange(STORED) % 1000 + 1
    flags = np.ones(STORED, np.uint8)
    flags[-1] = 0
    made = Candles.of(
        STORED,
        instrument=instrument.number,
        timeframe=int(Timeframe.M1),
        start_ns=last_ns - _MINUTE_NS * np.arange(STORED)[::-1],
        trades=3,
        open=close,
        high=close + 0.1,
        low=close - 0.1,
        close=close,
        volume_whole=volume,
        turnover_whole=(volume * close).astype(np.int64),
        flags=flags,
    )
    writer = CandleWriter(stack.environment["TICKMESH_POSTGRES_DSN"], lambda _: SYMBOL)
    try:
        await writer.write(made.take(np.arange(STORED - 1)))
    finally:
        await writer.close()
    return made


def _partition(made: Candles) -> int:
    return int(subjects.partitions_of(made.instrument[:1])[0])


def _asked(url: str, token: str, query: str) -> Ms:
    """Ask again and again; return what each took, the first hundred left out."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    path = f"/candles/{SYMBOL}?interval=1m&indicators={INDICATORS}&{query}"
    took_ms = []
    try:
        for _ in range(REQUESTS + 100):
            began_s = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = answer.read()
            took_ms.append((time.perf_counter() - began_s) * 1e3)
            if answer.status != 200 or body.count(b",") < 10 * CANDLES:
                raise StackError(f"{path} answers {answer.status}: {body[:200]!r}")
    finally:
        connection.close()
    return np.array(took_ms[100:])


def _peer(dsn: str) -> Ms:
    """Do the same as it is often done: rows by psycopg, indicators and JSON by pandas."""
    statement = (
        "SELECT starts_at, open, high, low, close, volume_whole, trades FROM candles_1m"
        " WHERE instrument = (SELECT id FROM candle_instruments WHERE (venue, symbol) = (%s, %s))"
        " ORDER BY starts_at DESC LIMIT %s"
    )
    values = SYMBOL.venue, SYMBOL.symbol, CANDLES + WARM_UP
    names = ["t", "o", "h", "l", "c", "v", "n"]
    took_ms = []
    with psycopg.connect(dsn) as connection:
        for _ in range(PEER_ROUNDS):
            began_s = time.perf_counter()
            rows = connection.execute(statement, values).fetchall()
            frame = pd.DataFrame(rows[::-1], columns=names)
            close = frame["c"]
            frame["sma"] = close.rolling(20).mean()
            frame["ema"] = close.ewm(span=50, adjust=False).mean()
            change = close.diff()
            gain = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
            loss = (-change.clip(upper=0)).ewm(alpha=1 / 14, adjust=False).mean()
            frame["rsi"] = 100 * gain / (gain + loss)
            frame["macd"] = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
            frame["signal"] = frame["macd"].ewm(span=9, adjust=False).mean()
            frame["histogram"] = frame["macd"] - frame["signal"]
            frame.tail(CANDLES).to_json(orient="columns", date_unit="s")
            took_ms.append((time.perf_counter() - began_s) * 1e3)
    return np.array(took_ms[PEER_ROUNDS // 10 :])
