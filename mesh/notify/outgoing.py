"""Whoever has something to say: a row in the transaction that is its cause, then a message that says so.

A message that is not published is no loss: the notify worker looks for rows that nobody spoke of.
"""

from dataclasses import dataclass
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.api import Header

from market import subjects
from mesh.notify.bodies import Body, encode_body
from mesh.notify.codec import Order, encode
from mesh.notify.kinds import Kind
from mesh.pool import Connection

_PUBLISH_WITHIN_S = 2.0
_QUEUE = """
    INSERT INTO notifications (id, user_id, firing_id, channel_id, kind, body, state, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'queued', now()) ON CONFLICT (id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notification that is to be sent; a test or a code has no firing."""

    id: UUID
    user: UUID
    channel_id: UUID
    kind: Kind
    body: Body
    firing_id: UUID | None = None

    @property
    def order(self) -> Order:
        """What the stream NOTIFY is told of it."""
        return Order(self.id, self.kind, self.channel_id, self.user)


async def queue(connection: Connection, outgoing: Outgoing) -> None:
    """Write the row, in the caller's transaction; one that is there already stays as it is."""
    await connection.execute(
        _QUEUE,
        outgoing.id,
        outgoing.user,
        outgoing.firing_id,
        outgoing.channel_id,
        outgoing.kind,
        encode_body(outgoing.body),
    )


async def publish(js: JetStreamContext, order: Order, message_id: str = "") -> bool:
    """Put an order on NOTIFY, and tell whether it is a new one there.

    Raises what nats-py raises: NatsError or TimeoutError. A `message_id` of its own lets one through that was sent
    moments ago.
    """
    headers: dict[str, str] = {Header.MSG_ID: message_id or str(order.id)}
    kept = await js.publish(subjects.notify(order.kind), encode(order), timeout=_PUBLISH_WITHIN_S, headers=headers)
    return not kept.duplicate
