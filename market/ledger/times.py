"""Times of the ledger: UTC, in microseconds."""

import re
from datetime import UTC, datetime

from market.refusal import invalid

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def parse_time(value: str, field: str) -> datetime:
    """Read an ISO 8601 time or day; where it names no zone it is UTC. Raises Refused, naming `field`."""
    literal = value.strip()
    try:
        read = datetime.fromisoformat(literal) if _TIME.fullmatch(literal) else None
        if read:
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid(field, f"{field} {literal[:40]!r} is not a time such as 2026-03-02T14:30:00Z or 2026-03-02")


def time_text(value: datetime) -> str:
    """Write a time as ISO 8601 in UTC, with six decimals."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
