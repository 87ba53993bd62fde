"""Dead letters: the notifications that were given up, to be read and to be sent again once their cause is gone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from market import subjects
from mesh.notify.codec import Letter, MessageError, decode
from mesh.notify.kinds import Kind
from mesh.notify.outgoing import publish
from mesh.notify.store import NotificationStore
from mesh.streams import DEAD


@dataclass(frozen=True, slots=True)
class Buried:
    """A letter and where it lies."""

    sequence: int
    letter: Letter


async def letters(js: JetStreamContext, kind: Kind | None = None) -> AsyncIterator[Buried]:
    """Read the letters of one kind, or of all, the oldest first. Raises what nats-py raises."""
    subject, sequence = subjects.dead_notification(kind or "*"), 0
    while True:
        try:
            found = await js.get_msg(DEAD, seq=sequence + 1, subject=subject, next=True, direct=True)
        except NotFoundError:
            return
        if found.seq is None or found.data is None:
            return
        sequence = found.seq
        try:
            yield Buried(sequence, decode(found.data, Letter))
        except MessageError:
            continue


async def retry(js: JetStreamContext, store: NotificationStore, buried: Buried) -> bool:
    """Have one sent again, with all its attempts, and remove its letter.

    False where there is nothing to send: it is gone, or was taken up before. Raises PostgresAway, and what nats-py
    raises; a second time goes on where the first one ended.
    """
    order = await store.again(buried.letter.id)
    if order is not None:
        await publish(js, order, f"{order.id}:{uuid4()}")  # NATS may still know it from its life before
        await store.published([order.id])
    await js.delete_msg(DEAD, buried.sequence)
    return order is not None
