"""What a client may send: commands as tagged values, read from JSON or msgpack with exact errors. Pure."""

from typing import Annotated

import msgspec
from msgspec import Meta

MAX_SYMBOLS_PER_COMMAND = 1000
MAX_TOKEN_CHARACTERS = 8192
_SHOWN_CHARACTERS = 200  # of what was wrong: it may quote the whole message

MIN_RATE, MAX_RATE = 0.1, 100.0

Symbols = Annotated[list[str], Meta(min_length=1, max_length=MAX_SYMBOLS_PER_COMMAND)]
UpdatesPerS = Annotated[float, Meta(ge=MIN_RATE, le=MAX_RATE)]
ChannelName = Annotated[str, Meta(min_length=1, max_length=32)]
PortfolioId = Annotated[str, Meta(min_length=1, max_length=64)]
Sequence = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
LastSeen = Annotated[dict[str, Sequence | str], Meta(min_length=1, max_length=MAX_SYMBOLS_PER_COMMAND)]


class CommandError(Exception):
    """A message is not a command; `code` is stable, the message names the field and the bound."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Command(msgspec.Struct, tag_field="action", frozen=True, forbid_unknown_fields=True):
    """One of the commands below, told apart by `action`."""


class Auth(Command, tag="auth", frozen=True):
    """Prove who you are, at first or with a new token."""

    token: Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN_CHARACTERS)]


class Subscribe(Command, tag="subscribe", frozen=True):
    """Send a snapshot of each symbol now and updates from then on, of each at most `rate` a second."""

    symbols: Symbols
    channel: ChannelName = "quote"
    rate: UpdatesPerS | None = None


class Unsubscribe(Command, tag="unsubscribe", frozen=True):
    """Send no more of these."""

    symbols: Symbols
    channel: ChannelName = "quote"


class Reconnect(Command, tag="reconnect", frozen=True):
    """Subscribe as before a lost connection: snapshots only of what changed since what was last seen."""

    last_seen: LastSeen
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    channel: ChannelName = "quote"
    rate: UpdatesPerS | None = None


class Snapshot(Command, tag="snapshot", frozen=True):
    """Send a snapshot of each symbol now, and nothing after it."""

    symbols: Symbols
    channel: ChannelName = "quote"


class Rate(Command, tag="rate", frozen=True):
    """Send this connection at most so many frames a second."""

    rate: UpdatesPerS


class Ping(Command, tag="ping", frozen=True):
    """Ask for a pong."""


class WatchPortfolio(Command, tag="watch_portfolio", frozen=True):
    """Send a portfolio whole, and then what changes of it, at most four times a second."""

    portfolio: PortfolioId


class UnwatchPortfolio(Command, tag="unwatch_portfolio", frozen=True):
    """Send no more of a portfolio."""

    portfolio: PortfolioId


class WatchAlerts(Command, tag="watch_alerts", frozen=True):
    """Send what alerts have fired and nobody has seen, and then each that fires."""


class UnwatchAlerts(Command, tag="unwatch_alerts", frozen=True):
    """Send no more of alerts."""


AnyCommand = (
    Auth | Subscribe | Unsubscribe | Reconnect | Snapshot | Rate | Ping
    | WatchPortfolio | UnwatchPortfolio | WatchAlerts | UnwatchAlerts
)  # fmt: skip
COMMANDS: tuple[type[Command], ...] = (
    Auth, Subscribe, Unsubscribe, Reconnect, Snapshot, Rate, Ping,
    WatchPortfolio, UnwatchPortfolio, WatchAlerts, UnwatchAlerts,
)  # fmt: skip
_ACTIONS = ", ".join(str(kind.__struct_config__.tag) for kind in COMMANDS)
_json = msgspec.json.Decoder(AnyCommand)
_msgpack = msgspec.msgpack.Decoder(AnyCommand)


def read_json(text: str) -> AnyCommand:
    """Read a text message; raises CommandError."""
    return _read(_json, text, "JSON")


def read_msgpack(data: bytes) -> AnyCommand:
    """Read a binary message; raises CommandError."""
    return _read(_msgpack, data, "msgpack")


def _read(
    decoder: "msgspec.json.Decoder[AnyCommand] | msgspec.msgpack.Decoder[AnyCommand]", data: str | bytes, kind: str
) -> AnyCommand:
    try:
        return decoder.decode(data)  # type: ignore[arg-type]  # each decoder is given its own kind of message
    except msgspec.ValidationError as error:
        text = str(error)
        if "`$.action`" in text and "Invalid value" in text:
            raise CommandError("unknown_action", f"{text:.{_SHOWN_CHARACTERS}}; there are {_ACTIONS}") from None
        raise CommandError("invalid_command", f"{text:.{_SHOWN_CHARACTERS}}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError("malformed", f"the message is not {kind}: {error!s:.{_SHOWN_CHARACTERS}}") from None
