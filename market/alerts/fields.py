"""The fields of a rule, each with its bounds."""

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from market.alerts.commands import (
    MAX_CHANNELS,
    MAX_COOLDOWN_S,
    MAX_NOTE_CHARACTERS,
    MAX_PERCENT,
    MAX_THRESHOLD,
    MAX_YEARS,
)
from market.alerts.rule import Condition
from market.ledger.fields import is_plain
from market.ledger.times import time_text
from market.refusal import Refused, invalid

_LONGEST = timedelta(days=366 * MAX_YEARS)


def check_threshold(condition: Condition, threshold: float) -> None:
    """Refuse a threshold that is no price, or no percentage of a move."""
    most = MAX_PERCENT if condition is Condition.CHANGE_PCT else MAX_THRESHOLD
    if not math.isfinite(threshold) or not 0 < threshold <= most:
        unit = " per cent" if condition is Condition.CHANGE_PCT else ""
        detail = f"threshold is {threshold:.17g}; it is above 0 and at most {most:.17g}{unit}"
        raise invalid("threshold", detail, minimum=0, maximum=most)


def check_cooldown(cooldown_s: int) -> None:
    """Refuse a cooldown that is negative, or longer than a week."""
    if not 0 <= cooldown_s <= MAX_COOLDOWN_S:
        detail = f"cooldown is {cooldown_s} s; it is from 0 to {MAX_COOLDOWN_S}"
        raise invalid("cooldown", detail, minimum=0, maximum=MAX_COOLDOWN_S)


def check_expires_at(expires_at: datetime, now: datetime) -> None:
    """Refuse an expiry that has passed, or is years away."""
    if not now < expires_at <= now + _LONGEST:
        latest = time_text(now + _LONGEST)
        detail = f"expires_at is {time_text(expires_at)}; it is after {time_text(now)} and at most {latest}"
        raise invalid("expires_at", detail, minimum=time_text(now), maximum=latest)


def check_note(note: str) -> None:
    """Refuse a note that is too long, or that holds control characters."""
    if len(note) > MAX_NOTE_CHARACTERS:
        detail = f"note has {len(note)} characters; the limit is {MAX_NOTE_CHARACTERS}"
        raise invalid("note", detail, maximum=MAX_NOTE_CHARACTERS)
    if not is_plain(note):
        raise invalid("note", "note holds a control character")


def check_channels(channels: Collection[UUID], verified: Collection[UUID]) -> None:
    """Refuse channels that are too many, or none of the user's verified ones."""
    if len(channels) > MAX_CHANNELS:
        detail = f"there are {len(channels)} notificationChannels; the limit is {MAX_CHANNELS}"
        raise invalid("notificationChannels", detail, maximum=MAX_CHANNELS)
    for each in channels:
        if each not in verified:
            detail = f"notificationChannels has {each}, which is no channel of yours that is verified"
            raise Refused("unverified_channel", detail, field="notificationChannels", channel=str(each))
