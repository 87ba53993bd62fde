"""Lists of alerts and of what they fired, in pages: where the next begins is text that clients hand back. Pure."""

import base64
import binascii
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.problems import invalid_field
from market.alerts.alert import Firing
from market.alerts.answers import firing_body
from market.ledger.times import time_text
from mesh.alerts.store import Cursor

Body = dict[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAYOUT = struct.Struct(">q16s")


def read_cursor(text: str | None) -> Cursor | None:
    """Read where to go on, None for the beginning; raises Problem."""
    if text is None:
        return None
    try:
        at_us, name = _LAYOUT.unpack(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Cursor(_EPOCH + at_us * _MICROSECOND, UUID(bytes=name))
    except (binascii.Error, struct.error, ValueError, OverflowError):
        raise invalid_field("before", "the `next` of a page that was had before") from None


def write_cursor(at: datetime, last: UUID) -> str:
    """Say that a page ends with this one."""
    packed = _LAYOUT.pack((at - _EPOCH) // _MICROSECOND, last.bytes)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def history_page(firings: Sequence[Firing], limit: int) -> Body:
    """Show the first `limit` of firings, newest first, and where to go on if there are more."""
    shown = firings[:limit]
    following = write_cursor(shown[-1].recorded_at, shown[-1].id) if len(firings) > limit else None
    return {"firings": [_recorded(each) for each in shown], "next": following}


def _recorded(firing: Firing) -> Body:
    return {**firing_body(firing), "seen_at": None if firing.seen_at is None else time_text(firing.seen_at)}
