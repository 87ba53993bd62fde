"""What a notification says, as its row keeps it: JSON that names its type. Pure.

{"type": "fired", "id": …, "alert_id": …, "symbol": "XNAS:AAPL", "condition": "ABOVE", "threshold": 230.0, "side": 1,
 "price": 230.1, "fired_at": "2026-03-02T14:30:00Z", "note": ""}
{"type": "test"}
{"type": "code", "code": "123456", "expires_at": "2026-03-02T14:40:00Z"}
{"type": "challenge", "challenge": "…"}
"""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec


class BodyError(ValueError):
    """A row says nothing that we can read."""


class Fired(msgspec.Struct, frozen=True, tag="fired"):
    """An alert has fired; what else its JSON holds is not told."""

    id: UUID
    alert_id: UUID
    symbol: str  # XNAS:AAPL
    condition: str
    threshold: float
    side: int  # +1 upwards, -1 downwards
    price: float
    fired_at: datetime
    note: str = ""


class Probe(msgspec.Struct, frozen=True, tag="test"):
    """The user asks whether a channel works."""


class Code(msgspec.Struct, frozen=True, tag="code"):
    """What a user has to type to show that an address is theirs; useless after `expires_at`."""

    code: str
    expires_at: datetime


class Challenge(msgspec.Struct, frozen=True, tag="challenge"):
    """What the receiver of a webhook has to answer with to show that it wants to be called."""

    challenge: str


Body: TypeAlias = Fired | Probe | Code | Challenge


def encode_body(body: Body) -> str:
    """Give the JSON of a row."""
    return msgspec.json.encode(body).decode()


def decode_body(text: str | bytes) -> Body:
    """Read the JSON of a row; raises BodyError."""
    try:
        body: Body = msgspec.json.decode(text, type=Body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BodyError(str(error)) from None
    return body
