"""What is told of firings: the messages on FIRED and NOTIFY, and the rows of notifications."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from uuid import UUID, uuid5

import msgspec

from market import subjects
from market.alerts.alert import Firing, Outcome
from market.alerts.firings import Firings, Tick
from market.ledger.times import time_text
from mesh.acked_publisher import Message
from mesh.alerts.writes import Notice
from mesh.notify.bodies import Fired, encode_body
from mesh.notify.codec import Order, encode
from mesh.notify.kinds import Kind

_encoder = msgspec.msgpack.Encoder()
# A map of as many fields as FiredPayload has; ids are texts of 36 bytes.
_MESSAGE = b"\x8b\xa2id\xd9\x24%b\xa8alert_id\xd9\x24%b%b\xa4user\xd9\x24%b"


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


def told_of(firings: Sequence[Firing]) -> list[Firing]:
    """Choose what becomes a message, as `Firings.told` does."""
    kept_back = {each.user: each for each in firings if each.outcome is Outcome.LIMIT}
    return [*(each for each in firings if each.outcome is Outcome.SENT), *kept_back.values()]


def fired_message(firing: Firing) -> Message:
    """Make the message on FIRED."""
    tick = Tick(firing.price, firing.fired_at, firing.side, firing.tape_sequence, firing.row, firing.outcome)
    shared = _shared(firing.symbol, firing.condition, firing.threshold, tick, firing.note)
    return _message(str(firing.id), str(firing.alert_id), shared, str(firing.user))


class FiredMessages:
    """The messages on FIRED of what ticks brought about, each made as it is asked for."""

    def __init__(self, firings: Firings) -> None:
        self._firings = firings
        self._told = firings.told()

    def __len__(self) -> int:
        return len(self._told)

    def __iter__(self) -> Iterator[Message]:
        firings, rules = self._firings, self._firings.rules
        for at in self._told:
            rule, tick = firings.rule[at], firings.ticks[firings.tick[at]]
            shared = _shared(rules.symbol[rule], rules.condition[rule], rules.threshold[rule], tick, rules.note[rule])
            yield _message(firings.id[at], str(rules.id[rule]), shared, str(rules.user[rule]))


def _message(firing: str, alert: str, shared: bytes, user: str) -> Message:
    payload = _MESSAGE % (firing.encode(), alert.encode(), shared, user.encode())
    return Message(subjects.alert_fired(user, alert), firing, payload)


@lru_cache(maxsize=64)  # one tick may fire 100,000 alerts
def _shared(symbol: str, condition: str, threshold: float, tick: Tick, note: str) -> bytes:
    """Write the fields that firings of many users share, as they stand between the ids."""
    shared = {
        "symbol": symbol,
        "condition": condition,
        "threshold": threshold,
        "side": tick.side,
        "price": tick.price,
        "fired_at": time_text(tick.fired_at),
        "outcome": tick.outcome,
        "note": note,
    }
    return _encoder.encode(shared)[1:]  # without the head of the map


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
