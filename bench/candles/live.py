"""From a trade at the feed to a candle that holds it at a client's socket, through every process there is."""

import asyncio
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import numpy as np

from bench import processes
from bench.processes import Figures, running
from bench.stack import log_in, running_process, running_stack
from bench.stream_client import open_stream, quantiles
from bench.table import Line

RATE_PER_S = 5_000
SECONDS = 20.0
WARM_S = 5.0
P99_MS = 100.0
SYMBOLS = (
    *("XNAS:AAPL", "XNAS:MSFT", "XNAS:NVDA", "XNAS:AMZN", "XNAS:GOOGL"),
    *("XNAS:TSLA", "XNAS:META", "XNYS:JPM", "ARCX:SPY", "XNYS:BRK.B"),
)
_CANDLES = "candles:1m"


async def measure(folder: Path) -> list[Line]:
    """Measure the busiest instruments, each watched by a client of its own."""
    async with running_stack(folder) as stack:
        spec = f"sim:rate={RATE_PER_S},profile=flat"
        async with (
            running_process(stack, "workers.feed", TICKMESH_FEED=spec),
            running_process(stack, "workers.candle"),
            running_process(stack, "gateway"),
        ):
            url, token = await log_in(stack)
            async with running(folder, watch, url=url, token=token, symbols=SYMBOLS) as client:
                await client.answer()
                figures = await client.ask(seconds=SECONDS)
    return [_line(figures)]


async def watch(line: processes.Line, url: str, token: str, symbols: list[str]) -> None:
    """Watch trades and candles of each symbol; measure each trade from the feed's receipt to a candle that holds it."""
    notes = Notes()
    reading = [asyncio.ensure_future(_read(url, token, symbol, notes)) for symbol in symbols]
    await asyncio.sleep(WARM_S)
    line.say(ready=True)
    seconds = (await line.heard())["seconds"]
    from_ns = time.time_ns()
    await asyncio.sleep(seconds)
    # Those of the last second may still be on their way, and are left out.
    ages_ms = notes.ages_ms(from_ns, time.time_ns() - 1_000_000_000)
    line.say(**quantiles(ages_ms), lost_connections=sum(each.done() for each in reading))
    for each in reading:
        each.cancel()


class Notes:
    """When trades were received by the feed, and when which candles came: all by the instrument's sequence."""

    def __init__(self) -> None:
        self._trades: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._candles: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def take(self, message: dict[str, list[dict[str, object]]], arrived_ns: int) -> None:
        """Note what a frame holds."""
        for entry in msgspec.convert(message.get("trades", []), list[TradesEntry]):
            self._trades[entry.s] += [(each.q, each.r * 1000) for each in entry.trades]
        for candles in msgspec.convert(message.get(_CANDLES, []), list[CandlesEntry]):
            self._candles[candles.s].append((candles.q, arrived_ns))

    def ages_ms(self, from_ns: int, until_ns: int) -> list[float]:
        """How old each trade of a stretch of time was when the first candle came that holds it."""
        ages: list[float] = []
        for symbol, trades in self._trades.items():
            sequences, received_ns = np.array(trades, np.int64).reshape(-1, 2).T
            held, arrived_ns = np.array(self._candles[symbol], np.int64).reshape(-1, 2).T
            first = np.searchsorted(np.maximum.accumulate(held), sequences)
            wanted = (received_ns >= from_ns) & (received_ns < until_ns)
            never = np.append(arrived_ns, np.iinfo(np.int64).max)  # a trade that no candle held is as late as can be
            ages += ((never[first] - received_ns)[wanted] / 1e6).tolist()
        return ages


class TradeEntry(msgspec.Struct):
    """A print, as far as it matters here."""

    q: int
    r: int


class TradesEntry(msgspec.Struct):
    """A symbol's prints."""

    s: str
    q: int
    trades: list[TradeEntry]


class CandlesEntry(msgspec.Struct):
    """A symbol's candles: all rows up to `q` are in them."""

    s: str
    q: int


async def _read(url: str, token: str, symbol: str, notes: Notes) -> None:
    client = await open_stream(url, token)
    for channel in ("trades", _CANDLES):
        command = {"action": "subscribe", "channel": channel, "symbols": [symbol]}
        await client.send(msgspec.json.encode(command), text=True)
    async for text in client:
        arrived_ns = time.time_ns()
        message = msgspec.json.decode(text)
        if message["type"] in {"snapshot", "update"}:
            notes.take(message, arrived_ns)


def _line(figures: Figures) -> Line:
    return Line(
        f"live candle at a client, {RATE_PER_S:,} ticks/s",
        f"p50 {figures['p50']:.1f} ms, p99 {figures['p99']:.1f} ms, max {figures['max']:.1f} ms",
        f"p99 <= {P99_MS:g} ms",
        figures["p99"] <= P99_MS and figures["count"] > 0 and not figures["lost_connections"],
        "",
        f"{figures['count']} trades of the {len(SYMBOLS)} busiest of 500 instruments, one WebSocket client each at its "
        "usual 20 frames a second, in JSON. From ts_recv, stamped by the feed, to the arrival of the first candle of a "
        "minute that holds the trade: tape, candle worker with its window of 15 ms, nats-server, gateway.",
    )
