"""What is told of firings: the messages on FIRED and NOTIFY, and the rows of notifications."""

from datetime import datetime
from functools import lru_cache
from uuid import UUID, uuid5

import msgspec

from market import subjects
from market.alerts.alert import Firing
from market.ledger.times import time_text
from mesh.acked_publisher import Message
from mesh.alerts.writes import Notice
from mesh.notify.bodies import Fired, encode_body
from mesh.notify.codec import Order, encode
from mesh.notify.kinds import Kind

_encoder = msgspec.msgpack.Encoder()


class FiredPayload(msgspec.Struct, frozen=True):
    """A message on FIRED: what `market.alerts.answers.firing_body` says, and whose it is."""

    id: UUID
    alert_id: UUID
    symbol: str
    condition: str
    threshold: float
    side: int
    price: float
    fired_at: str
    outcome: str
    note: str
    user: UUID


def fired_message(firing: Firing) -> Message:
    """Make the message on FIRED."""
    payload = FiredPayload(
        firing.id,
        firing.alert_id,
        firing.symbol,
        firing.condition,
        firing.threshold,
        firing.side,
        firing.price,
        _tick_time(firing.fired_at),
        firing.outcome,
        firing.note,
        firing.user,
    )
    subject = subjects.alert_fired(firing.user, firing.alert_id)
    return Message(subject, str(firing.id), _encoder.encode(payload))


@lru_cache(maxsize=64)  # one tick may fire 100,000 alerts
def _tick_time(fired_at: datetime) -> str:
    return time_text(fired_at)


def notice_of(firing: Firing, channel_id: UUID, kind: str) -> Notice:
    """Make the notification of a firing through one of its user's channels."""
    body = Fired(
        firing.id,
        firing.alert_id,
        firing.symbol,
        firing.condition,
        firing.threshold,
        firing.side,
        firing.price,
        firing.fired_at,
        firing.note,
    )
    return Notice(uuid5(firing.id, str(channel_id)), firing.user, firing.id, channel_id, kind, encode_body(body))


def notice_message(notice: Notice) -> Message:
    """Make the message on NOTIFY; where that is full the notify workers publish it themselves, from its row."""
    order = Order(notice.id, Kind(notice.kind), notice.channel_id, notice.user)
    return Message(subjects.notify(notice.kind), str(notice.id), encode(order), can_wait=True)
