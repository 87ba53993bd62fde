"""What the server may send, as tagged values: the one place that names every message and field of the stream. Pure.

Data frames are not made from here: `gateway/live/channels` encodes their updates in bulk. Their types stand here all
the same, so that the protocol's schema is whole and a test can hold the bytes against it.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

PROTOCOL = 2


class Message(msgspec.Struct, tag_field="type", frozen=True, omit_defaults=True):
    """One of the messages below, told apart by `type`. What has its default is left out."""


class Welcome(Message, tag="welcome", frozen=True):
    """The client is known."""

    protocol: int
    connection: str
    epoch: str
    """Whose sequences these are: the same at every gateway of one installation, another after its data was lost."""
    rate: float
    """Frames a second that this connection gets at most."""
    channels: tuple[str, ...]
    server_timestamp: str | None


class Subscribed(Message, tag="subscribed", frozen=True):
    """What was understood of a `subscribe`; a `snapshot` of these follows at once."""

    channel: str
    symbols: list[str]
    rate: float
    """Updates a second of each of these symbols at most."""


class Unsubscribed(Message, tag="unsubscribed", frozen=True):
    """What was understood of an `unsubscribe`."""

    channel: str
    symbols: list[str]


class Resumed(Message, tag="resumed", frozen=True):
    """The answer to `reconnect`; a `snapshot` of the changed follows at once."""

    channel: str
    epoch: str
    covered: bool
    """Whether nothing that this channel promises was missed: `lost` is empty."""
    changed: list[str]
    unchanged: list[str]
    lost: list[str]
    """Of which something was missed, or cannot be said not to have been; what is known of them is in the snapshot."""
    rate: float


class Rate(Message, tag="rate", frozen=True):
    """The frames a second that the connection gets at most from now on."""

    rate: float


class Status(Message, tag="status", frozen=True):
    """Whether the gateway itself sees the market: `live` or `reconnecting`."""

    upstream: str


class Mode(Message, tag="mode", frozen=True):
    """What an overloaded gateway leaves out, and that it leaves out nothing any more."""

    level: int
    mode: str
    """`full`, `slower`, `quotes_only`, `most_watched` or `poll`, for levels 0 to 4."""
    rate: float
    """Frames a second that any connection gets at most."""
    channels: tuple[str, ...]
    """The channels that are sent."""
    on_demand: list[str] = []
    """Those of this connection's symbols that are not sent, and have to be asked for with `snapshot`."""
    poll_after_ms: int | UnsetType = UNSET
    """Nothing is sent: ask with `snapshot` at intervals of this length."""


class Heartbeat(Message, tag="heartbeat", frozen=True):
    """The server's time."""

    server_timestamp: str | None


class Pong(Message, tag="pong", frozen=True):
    """The answer to `ping`."""


class Authenticated(Message, tag="authenticated", frozen=True):
    """The answer to a later `auth`."""


class Error(Message, tag="error", frozen=True):
    """A command, or a part of it, was refused."""

    code: str
    message: str
    symbol: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    portfolio: str | UnsetType = UNSET
    alerts: bool | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class Closing(Message, tag="closing", frozen=True):
    """The server is about to close this connection; come back after the time given, to any gateway."""

    code: str
    message: str
    retry_after_ms: int


class QuoteUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """What changed of a quote; all fields in a snapshot. Unknown prices are null."""

    s: str
    q: int
    t: int
    r: int
    b: float | UnsetType | None = UNSET
    bz: float | UnsetType = UNSET
    a: float | UnsetType | None = UNSET
    az: float | UnsetType = UNSET
    l: float | UnsetType | None = UNSET  # noqa: E741  # the protocol's name of the last price
    lz: float | UnsetType = UNSET
    o: float | UnsetType | None = UNSET
    hi: float | UnsetType | None = UNSET
    lo: float | UnsetType | None = UNSET
    v: float | UnsetType = UNSET
    pc: float | UnsetType | None = UNSET
    f: int | UnsetType = UNSET
    """Quote flags, as in subjects.md: 1 halted, 2 outside the regular session."""


class DepthUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """The sides of a book that changed, each whole: levels of price, size and orders, best first."""

    s: str
    q: int
    t: int
    r: int
    bids: list[tuple[float, float, int]] | UnsetType = UNSET
    asks: list[tuple[float, float, int]] | UnsetType = UNSET


class Print(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trade, or with `x` the withdrawal of one."""

    q: int
    t: int
    r: int
    p: float
    z: float
    i: str
    """The venue's own id of the trade, `0` where it has none."""
    k: int = 0
    """Trade conditions, as in subjects.md."""
    f: int = 0
    """Trade or correction flags, as in subjects.md."""
    x: int | UnsetType = UNSET
    """The withdrawn trade's time."""


class TradesUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every print since the last, in order; `missed` counts those that were left out before them."""

    s: str
    q: int
    trades: list[Print]
    missed: int = 0


class Candle(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candle as it is now. Of two states of one, the higher (e, n) is the newer."""

    t: int
    o: float | None
    h: float | None
    l: float | None  # noqa: E741  # the protocol's name of the lowest price
    c: float | None
    v: float
    n: int
    w: float | None
    e: int = 0
    x: int = 0
    f: int = 0
    k: int = 0


class CandlesUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every candle that changed since the last entry, oldest first."""

    s: str
    q: int
    c: list[Candle]
    missed: int = 0


class Snapshot(Message, tag="snapshot", frozen=True):
    """All that is known of some instruments, by channel; many may share one frame."""

    quote: list[QuoteUpdate] | UnsetType = UNSET
    depth: list[DepthUpdate] | UnsetType = UNSET
    trades: list[TradesUpdate] | UnsetType = UNSET
    candles_1m: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1m")
    candles_5m: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:5m")
    candles_15m: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:15m")
    candles_1h: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1h")
    candles_1d: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1d")
    candles_1w: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1w")
    candles_1mo: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1M")


class Update(Message, tag="update", frozen=True):
    """Everything that changed for this client since its last frame, by channel, at most one entry per symbol."""

    quote: list[QuoteUpdate] | UnsetType = UNSET
    depth: list[DepthUpdate] | UnsetType = UNSET
    trades: list[TradesUpdate] | UnsetType = UNSET
    candles_1m: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1m")
    candles_5m: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:5m")
    candles_15m: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:15m")
    candles_1h: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1h")
    candles_1d: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1d")
    candles_1w: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1w")
    candles_1mo: list[CandlesUpdate] | UnsetType = msgspec.field(default=UNSET, name="candles:1M")


class PortfolioImage(Message, tag="portfolio", frozen=True):
    """A portfolio that is watched, whole, as `GET /portfolios/{id}` answers."""

    n: int
    valuation: dict[str, Any]


class PortfolioUpdate(Message, tag="portfolio_update", frozen=True):
    """What changed of a portfolio since the message with the number before: all totals, and the rows that differ."""

    n: int
    valuation: dict[str, Any]


class PortfolioUnwatched(Message, tag="portfolio_unwatched", frozen=True):
    """What was understood of an `unwatch_portfolio`."""

    portfolio: str


class Firing(msgspec.Struct, frozen=True):
    """An alert that fired."""

    id: str
    alert_id: str
    symbol: str
    condition: str
    threshold: float
    side: int
    price: float
    fired_at: str
    outcome: str
    note: str


class Alerts(Message, tag="alerts", frozen=True):
    """What has fired and was not seen, newest first."""

    firings: list[Firing]
    total: int
    """Of all, those sent and those before them."""


class AlertFired(Message, tag="alert_fired", frozen=True):
    """An alert has fired just now."""

    firing: Firing


class AlertsUnwatched(Message, tag="alerts_unwatched", frozen=True):
    """What was understood of an `unwatch_alerts`."""


MESSAGES: tuple[type[Message], ...] = (
    Welcome, Subscribed, Unsubscribed, Snapshot, Update, Resumed, Rate, Status, Mode,
    Heartbeat, Pong, Authenticated, Error, Closing, PortfolioImage, PortfolioUpdate, PortfolioUnwatched,
    Alerts, AlertFired, AlertsUnwatched,
)  # fmt: skip
