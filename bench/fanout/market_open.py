"""The market opens: thousands of clients connect and subscribe within seconds."""

from pathlib import Path

from bench.fanout.scene import attending, running_gateway, running_market
from bench.fanout.usage import Meter
from bench.fanout.words import ages
from bench.table import Line

CLIENTS, SYMBOLS, EACH = 5_000, 5_000, 10
WITHIN_S, PER_S = 10.0, 20_000.0
P99_MS = 200.0
_ANSWER_WITHIN_S = 70.0
_LATE_S = 1.0  # the last clients' own snapshots included


async def measure(folder: Path) -> list[Line]:
    """Open all at an even pace, and time each step."""
    async with (
        running_market(folder, SYMBOLS, PER_S) as market,
        running_gateway(market) as gateway,
    ):
        options = {"clients": CLIENTS, "symbols": SYMBOLS, "each": EACH, "per_s": CLIENTS / WITHIN_S}
        async with attending(folder, "msgpack", gateway.port, market.secret, options) as clients:
            meter = Meter(gateway.pid)
            opened = await clients.answer(_ANSWER_WITHIN_S)
            used = meter.stop()
    snapshot, welcome = opened["snapshot_ms"], opened["welcome_ms"]
    is_all_in = opened["live"] == CLIENTS and not opened["others"]
    return [
        Line(
            f"{CLIENTS:,} clients connect and subscribe in {WITHIN_S:g} s",
            f"first snapshot after subscribing: {ages(snapshot)}",
            f"p99 <= {P99_MS:g} ms, nobody refused, all in within {WITHIN_S + _LATE_S:g} s",
            snapshot["p99"] <= P99_MS and is_all_in and opened["took_s"] <= WITHIN_S + _LATE_S,
            "",
            f"{opened['live']:,} got in, in {opened['took_s']:.1f} s, an even {CLIENTS / WITHIN_S:g}/s; from connect() "
            f"to the welcome: {ages(welcome)}. A snapshot is there when the client knows all its {EACH} of "
            f"{SYMBOLS:,} symbols. Lane of {PER_S:,.0f} msg/s, and those who are in get up to 20 frames/s. Others "
            f"said: {opened['others'] or 'nothing'}. The gateway used {used.cpu_s / CLIENTS * 1e3:.2f} ms a client, "
            f"updates to those who were in included.",
        )
    ]
