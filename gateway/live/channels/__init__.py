"""The channels that clients may subscribe to. A further one is a module here and a line in `open_channels`."""

from collections.abc import Callable

from gateway.candle_source import CandleSource
from gateway.live.channels.candles import CandlesChannel
from gateway.live.channels.channel import Channel
from gateway.live.channels.depth import DepthChannel
from gateway.live.channels.quote import QuoteChannel
from gateway.live.channels.trades import TradesChannel
from gateway.upstream import Upstream
from market.candles.timeframe import Timeframe
from mesh.connection import Connection


def open_channels(
    connection: Connection,
    upstream: Upstream,
    candles: CandleSource,
    linger_s: float,
    on_changed: Callable[[], None],
) -> tuple[Channel, ...]:
    """Open every channel; their places are their numbers. `on_changed` is called whenever one has something new."""
    return (
        QuoteChannel(upstream, on_changed),
        DepthChannel(connection, upstream, linger_s, on_changed),
        TradesChannel(connection, upstream, linger_s, on_changed),
        *(CandlesChannel(each, connection, upstream, candles, linger_s, on_changed) for each in Timeframe),
    )
