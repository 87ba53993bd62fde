"""Many messages onto streams, each acknowledged: bounded on their way, sent again until the stream has them.

Every message has a `Nats-Msg-Id`, so that one whose acknowledgement was lost is stored once. What is published together
may be stored in another order where some of it had to be sent again.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from mesh.bulk_client import BulkClient

_logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 2048
STREAM_FULL = frozenset((10077, 10122))  # of bytes, of messages: as nats-server numbers its errors
_AT_ONCE = 256
_FIRST_RETRY_S, _MAX_RETRY_S = 1.0, 10.0


class Message(NamedTuple):
    """What is to be stored, once: `id` is its `Nats-Msg-Id`.

    `can_wait`: where the stream is full, somebody else will see to it later.
    """

    subject: str
    id: str
    payload: bytes
    can_wait: bool = False


def frame_of(message: Message, reply: str) -> bytes:
    """Write a message as it is published; whoever stores it answers to `reply`."""
    header = f"NATS/1.0\r\nNats-Msg-Id: {message.id}\r\n\r\n"
    size = len(header) + len(message.payload)
    line = f"HPUB {message.subject} {reply} {len(header)} {size}\r\n{header}"
    return b"%b%b\r\n" % (line.encode(), message.payload)


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    """What a stream answers; nothing of it where there is none."""

    seq: int | None = None
    duplicate: bool = False
    error: _Error | None = None


_acks = msgspec.json.Decoder(_Ack)
_NOBODY = _Ack()


class _Group:
    """Messages that are published together, those that are not acknowledged yet by their tokens."""

    def __init__(self) -> None:
        self.left: dict[int, Message] = {}
        self.refused: set[str] = set()
        self.acked = asyncio.Event()
        self.retry_s = _FIRST_RETRY_S


class AckedPublisher:
    """Publishes for one process; `published` and the rest are counts since the start."""

    def __init__(self, client: BulkClient) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._token = 0
        self._on_their_way: dict[int, _Group] = {}
        self._room = asyncio.Event()
        self.published = 0
        self.duplicates = 0
        self.retried = 0
        client.subscribe_raw(f"{self._inbox}.*", self._on_ack)

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Publish messages; returns once all are stored, however long NATS is away.

        Gives the ids of those that can wait, and that a full stream refused.
        """
        group = _Group()
        try:
            for start in range(0, len(messages), _AT_ONCE):
                while len(self._on_their_way) >= MAX_IN_FLIGHT:
                    await self._moved(group, self._room)
                await self._send(group, messages[start : start + _AT_ONCE])
            while group.left:
                await self._moved(group, group.acked)
            return group.refused
        finally:
            for token in group.left:
                del self._on_their_way[token]
            self._room.set()

    async def _moved(self, group: _Group, event: asyncio.Event) -> None:
        """Wait for an acknowledgement; where none comes, send again what the group still has on its way."""
        event.clear()
        try:
            async with asyncio.timeout(group.retry_s):
                await event.wait()
            group.retry_s = _FIRST_RETRY_S
        except TimeoutError:
            group.retry_s = min(2 * group.retry_s, _MAX_RETRY_S)
            await self._send_again(group)

    async def _send(self, group: _Group, messages: Sequence[Message]) -> None:
        frames = []
        for message in messages:
            self._token += 1
            self._on_their_way[self._token], group.left[self._token] = group, message
            frames.append(self._frame(self._token, message))
        self._client.write_frames(frames)  # what does not leave is sent again
        await self._client.drain_writes()

    async def _send_again(self, group: _Group) -> None:
        self.retried += len(group.left)
        left = list(group.left.items())
        for start in range(0, len(left), _AT_ONCE):
            part = left[start : start + _AT_ONCE]
            self._client.write_frames([self._frame(*each) for each in part if each[0] in group.left])
            await self._client.drain_writes()

    def _frame(self, token: int, message: Message) -> bytes:
        return frame_of(message, f"{self._inbox}.{token}")

    def _on_ack(self, subject: str, payload: bytes) -> None:
        token = int(subject.rpartition(".")[2])
        group = self._on_their_way.get(token)
        if group is None:
            return  # the answer to another attempt
        answer = _acks.decode(payload) if payload else _NOBODY
        is_stored = answer.seq is not None and answer.error is None
        message = group.left[token]
        is_full = answer.error is not None and answer.error.err_code in STREAM_FULL
        if not is_stored and not (is_full and message.can_wait):
            error = answer.error.description if answer.error is not None else "no stream takes it"
            _logger.warning("%s: %s; it is sent again when due", message.subject, error)
            return
        del self._on_their_way[token], group.left[token]
        if is_stored:
            self.published += 1
            self.duplicates += answer.duplicate
        else:
            group.refused.add(message.id)
        group.acked.set()
        self._room.set()
