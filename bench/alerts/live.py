"""From a trade at the feed to the message at a socket that an alert has fired, through every process there is."""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec

from bench import processes
from bench.processes import Figures, running
from bench.stack import Stack, running_process, running_stack
from bench.stream_client import open_stream, quantiles
from bench.table import Line
from gateway.accounts.settings import TokenSettings
from gateway.accounts.tokens import AccessTokens

RATE_PER_S = 5_000
SECONDS = 20.0
USERS, ALERTS = 60, 10  # of each, as many as are told to a user in an hour
PERCENT = 0.01  # a cent or two: the next trade or the one after is so far away
P99_MS = 100.0
SYMBOLS = (
    *("XNAS:AAPL", "XNAS:MSFT", "XNAS:NVDA", "XNAS:AMZN", "XNAS:GOOGL"),
    *("XNAS:TSLA", "XNAS:META", "XNYS:JPM", "ARCX:SPY", "XNYS:BRK.B"),
)
_FIRES_WITHIN_S = 15.0
_READY_WITHIN_S = 30.0


async def measure(folder: Path) -> list[Line]:
    """Measure alerts that users make one after the other and that fire soon."""
    async with running_stack(folder) as stack:
        spec = f"sim:rate={RATE_PER_S},profile=flat"
        async with (
            running_process(stack, "workers.feed", TICKMESH_FEED=spec),
            running_process(stack, "workers.alert"),
            running_process(stack, "gateway"),
            running(folder, watch, port=stack.environment["TICKMESH_HTTP_PORT"], tokens=_tokens(stack)) as client,
        ):
            figures = await client.answer(SECONDS + 2 * _READY_WITHIN_S + _FIRES_WITHIN_S)
    return [_line(figures)]


def _tokens(stack: Stack) -> list[str]:
    signing = AccessTokens(TokenSettings(secret=stack.environment["TICKMESH_JWT_SECRET"].encode()))
    return [signing.issue(uuid4(), time.time()) for _ in range(USERS)]


async def watch(line: processes.Line, port: str, tokens: list[str]) -> None:
    """Play all users; measure each firing from the feed's receipt of the trade to the message at its owner's socket."""
    notes = Notes()
    url, base = f"ws://127.0.0.1:{port}/stream", f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as http:
        await _until_ready(http, tokens[0])
        reading = [asyncio.ensure_future(_read_trades(url, tokens[0], notes))]
        reading += [asyncio.ensure_future(_read_alerts(url, token, notes)) for token in tokens]
        await asyncio.gather(*(_make_alerts(http, token, notes) for token in tokens))
        until_s = time.monotonic() + _FIRES_WITHIN_S
        while len(notes.fired) < USERS * ALERTS and time.monotonic() < until_s:  # noqa: ASYNC110  # it disturbs less
            await asyncio.sleep(0.1)
    lost = sum(each.done() for each in reading)
    line.say(**quantiles(notes.ages_ms()), fired=len(notes.fired), made=notes.made, lost_connections=lost)
    for each in reading:
        each.cancel()


class Notes:
    """When trades were received by the feed, and when which firings came."""

    def __init__(self) -> None:
        self.made = 0
        self.fired: list[tuple[str, int, int]] = []  # symbol, time of the trade (us), arrival (ns)
        self._received_us: dict[tuple[str, int], int] = {}

    def trade(self, symbol: str, ts_us: int, received_us: int) -> None:
        """Note a print."""
        self._received_us[symbol, ts_us] = received_us

    def ages_ms(self) -> list[float]:
        """How old each trade was when its owner heard of the firing; without those that the stream left out."""
        received = [(self._received_us.get((symbol, ts_us)), arrived) for symbol, ts_us, arrived in self.fired]
        return [arrived_ns / 1e6 - received_us / 1e3 for received_us, arrived_ns in received if received_us]


class TradeEntry(msgspec.Struct):
    """A print, as far as it matters here: the exchange's time and ours, in us."""

    t: int
    r: int


class TradesEntry(msgspec.Struct):
    """A symbol's prints."""

    s: str
    trades: list[TradeEntry]


class Firing(msgspec.Struct):
    """What a message says of a firing."""

    symbol: str
    fired_at: datetime


async def _until_ready(http: httpx.AsyncClient, token: str) -> None:
    """Wait until the worker answers commands."""
    async with asyncio.timeout(_READY_WITHIN_S):
        while (await _make(http, token, SYMBOLS[0])).status_code != httpx.codes.CREATED:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.5)


async def _make_alerts(http: httpx.AsyncClient, token: str, notes: Notes) -> None:
    for _ in range(ALERTS):
        await asyncio.sleep(random.uniform(0, 2 * SECONDS / ALERTS))
        answer = await _make(http, token, random.choice(SYMBOLS))
        notes.made += answer.status_code in {httpx.codes.CREATED, httpx.codes.ACCEPTED}


async def _make(http: httpx.AsyncClient, token: str, symbol: str) -> httpx.Response:
    rule = {"symbol": symbol, "condition": "CHANGE_PCT", "reference": "created", "threshold": PERCENT}
    return await http.post("/alerts", json=rule, headers={"Authorization": f"Bearer {token}"})


async def _read_alerts(url: str, token: str, notes: Notes) -> None:
    client = await open_stream(url, token)
    await client.send(msgspec.json.encode({"action": "watch_alerts"}), text=True)
    async for text in client:
        arrived_ns = time.time_ns()
        message = msgspec.json.decode(text)
        if message["type"] == "alert_fired":
            firing = msgspec.convert(message["firing"], Firing)
            notes.fired.append((firing.symbol, _us(firing.fired_at), arrived_ns))


async def _read_trades(url: str, token: str, notes: Notes) -> None:
    client = await open_stream(url, token)
    command = {"action": "subscribe", "channel": "trades", "symbols": SYMBOLS}
    await client.send(msgspec.json.encode(command), text=True)
    async for text in client:
        message = msgspec.json.decode(text)
        if message["type"] in {"snapshot", "update"}:
            for entry in msgspec.convert(message.get("trades", []), Sequence[TradesEntry]):
                for trade in entry.trades:
                    notes.trade(entry.s, trade.t, trade.r)


def _us(at: datetime) -> int:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _line(figures: Figures) -> Line:
    return Line(
        f"alert at its owner's socket, {RATE_PER_S:,} ticks/s",
        f"p50 {figures['p50']:.1f} ms, p99 {figures['p99']:.1f} ms, max {figures['max']:.1f} ms",
        f"p99 <= {P99_MS:g} ms",
        figures["p99"] <= P99_MS and figures["count"] > 0 and not figures["lost_connections"],
        "",
        f"{figures['fired']} of {figures['made']} alerts of {USERS} users fired, each at a move of {PERCENT} % of one "
        f"of {len(SYMBOLS)} instruments of 500; {figures['count']} of their trades were seen. From ts_recv, stamped by "
        "the feed, to the arrival of the message: tape, alert worker and its commit in Postgres, nats-server, gateway.",
    )
