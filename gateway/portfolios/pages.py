"""Pages of transactions: where the next one begins, as text that clients hand back. Pure."""

import base64
import binascii
import struct
from collections.abc import Sequence
from datetime import timedelta

from gateway.problems import invalid_field
from market.ledger.answers import transaction_body
from market.ledger.holding import NEVER
from market.ledger.transaction import Transaction
from mesh.ledger.store import Cursor

_MICROSECOND = timedelta(microseconds=1)
_LAYOUT = struct.Struct(">qqiq")


def page(transactions: Sequence[Transaction], limit: int) -> dict[str, object]:
    """Show the first `limit` of transactions, newest first, and where to go on if there are more."""
    shown = transactions[:limit]
    following = _write_cursor(shown[-1]) if len(transactions) > limit else None
    return {"transactions": [transaction_body(each) for each in shown], "next": following}


def read_cursor(text: str) -> Cursor:
    """Read where to go on; raises Problem."""
    try:
        at_us, *rest = _LAYOUT.unpack(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Cursor(NEVER + at_us * _MICROSECOND, *rest)
    except (binascii.Error, struct.error, ValueError, OverflowError):
        raise invalid_field("before", "the `next` of a page that was had before") from None


def _write_cursor(last: Transaction) -> str:
    at = Cursor.of(last)
    at_us = (at.executed_at - NEVER) // _MICROSECOND
    packed = _LAYOUT.pack(at_us, at.place_sequence, at.place_line, at.sequence)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
