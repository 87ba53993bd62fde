"""What a portfolio is worth now, asked of the worker that owns its ledger, and the stream of its changes.

    portfolionow.<partition>    gateway -> owner   a user's portfolios or one of them; answered with JSON, 404 or 503
    portfoliowatch.<partition>  gateway -> owner   the portfolios that somebody watches, said again every few seconds
    portfolio.<id>              owner -> gateways  a watched portfolio: whole first, then what changed

All but answers are msgpack maps, ids as 16 bytes.
"""

from typing import Any
from uuid import UUID

import msgspec
from nats.errors import Error as NatsError

from market import subjects
from mesh.bulk_client import BulkClient

WATCH_EVERY_S = 5.0
FORGOTTEN_AFTER_S = 15.0
"""For so long a portfolio counts as watched that nobody says is watched any more."""

NOT_FOUND, UNKNOWN_NOW = b"404", b"503"
"""What is answered where the user has no such portfolio, and where only the tables can tell; all else is an object."""

_JSON = b"{"


class Asked(msgspec.Struct, frozen=True):
    """Whose portfolios are asked for; None: all of the user's, without their holdings."""

    user: UUID
    portfolio: UUID | None = None

    @classmethod
    def decode(cls, data: bytes) -> "Asked":
        """Read it; raises msgspec.DecodeError."""
        return _asked.decode(data)


class Watched(msgspec.Struct, frozen=True):
    """The portfolios that a gateway's clients watch, and those of which it needs a whole one now."""

    watched: list[UUID]
    whole: list[UUID] = []

    def encode(self) -> bytes:
        """Give its bytes."""
        return _encoder.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> "Watched":
        """Read it back; raises msgspec.DecodeError."""
        return _watched.decode(data)


class PortfolioMessage(msgspec.Struct, frozen=True):
    """A watched portfolio, whole or what changed of it since message `n` - 1 of the same `epoch`.

    `epoch` rises with each owner: what comes with a lower one than was seen is old. What changed are all totals, the
    rows of `holdings` that did, whole, and the symbols `removed`; what follows from rows, weights and the allocation,
    is left to whoever puts them together. An empty `valuation` says that the portfolio was closed.
    """

    epoch: int
    n: int
    whole: bool
    valuation: dict[str, Any]

    def encode(self) -> bytes:
        """Give its bytes."""
        return _encoder.encode(self)


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_asked = msgspec.msgpack.Decoder(Asked)
_watched = msgspec.msgpack.Decoder(Watched)
_message = msgspec.msgpack.Decoder(PortfolioMessage)


def read_message(data: bytes) -> PortfolioMessage:
    """Read what an owner published; raises msgspec.DecodeError."""
    return _message.decode(data)


async def ask(client: BulkClient, partition: int, user: UUID, portfolio: UUID | None, timeout_s: float) -> bytes | None:
    """Ask a partition's owner for a user's portfolio, or all of them; give the JSON, or NOT_FOUND.

    None where nobody answers in time, and where only the tables can tell.
    """
    asked = _encoder.encode(Asked(user, portfolio))
    try:
        answer = await client.ask(subjects.portfolio_now(partition), asked, timeout_s)
    except (NatsError, TimeoutError):
        return None
    return answer if answer.startswith(_JSON) or answer == NOT_FOUND else None
