"""Many messages onto one stream, with one acknowledgement for some hundreds of them: nats-server's fast ingest.

    first message ──▶ an acknowledgement of 0: the stream takes batches, and how many messages each of the next is for
    the others    ──▶ acknowledgements: all up to there are stored
    last message  ──▶ the usual acknowledgement: the batch is stored

An acknowledgement for each message costs its publisher as much as to make and send it. What a batch does not bring
about is published singly: where the connection is lost, or some of the batch. The messages' ids keep those that were
stored from being stored twice.

A batch is for messages that nobody published before. Of one that is on its way already, and not stored on most of the
replicas, a batch's acknowledgement says that it is stored; a single one's does not.

Source: ADR-50 of nats-io/nats-architecture-and-design, "Fast-ingest Batch Publishing", with its gap mode `fail`.
"""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from mesh.acked_publisher import AckedPublisher, Message, frame_of
from mesh.bulk_client import BulkClient
from mesh.bulk_parser import Whole

_logger = logging.getLogger(__name__)

LEAST = 64  # messages: fewer are not worth the way there and back that a batch begins with
_FLOW = 500  # messages that an acknowledgement is for at most; nats-server goes no higher
_OUTSTANDING = 3  # acknowledgements: one is on its way while the server works for the next
_AT_ONCE = 256
_SILENT_S = 1.0
_START, _APPEND, _COMMIT = range(3)


class _Answer(msgspec.Struct):
    """What the server says of a batch: `type` is ack, gap or err, or nothing where the batch is over."""

    type: str = ""
    seq: int = 0
    msgs: int = 0
    count: int = 0


_answers = msgspec.json.Decoder(_Answer)


class _Batch:
    """How far a batch is: `stored` of its messages are, and `flow` more are for the next acknowledgement."""

    def __init__(self) -> None:
        self.stored = 0
        self.flow = 0
        self.is_over = False
        self._is_broken = False
        self._heard = asyncio.Event()

    def room(self, sent: int) -> int:
        """Say how many more may be sent: the first one alone, until its answer; none once something is amiss."""
        if self._is_broken:
            return 0
        return self.stored + _OUTSTANDING * self.flow - sent if sent else 1

    def hear(self, message: Whole) -> None:
        """Take what the server says."""
        if self.is_over:
            return  # what it acknowledges behind a refusal may count the message that it refused
        answer = _answer_of(message.payload)
        if answer.type == "ack":
            self.stored, self.flow = max(self.stored, answer.seq), answer.msgs
        elif answer.type:  # a gap, or an error: the end comes next, and says what was stored before
            self._is_broken = True
        else:
            self.stored, self.is_over = max(self.stored, answer.count), True
        self._heard.set()

    async def news(self) -> None:
        """Wait for an answer; where none comes, the batch is over."""
        self._heard.clear()
        try:
            async with asyncio.timeout(_SILENT_S):
                await self._heard.wait()
        except TimeoutError:
            self.is_over = True


def _answer_of(payload: bytes) -> _Answer:
    """Read an answer; one that says nothing, as where no stream takes the subject, is the end."""
    try:
        return _answers.decode(payload) if payload else _Answer()
    except msgspec.DecodeError:
        return _Answer()


class BatchPublisher:
    """Publishes for one process onto streams that take batches; `singly` is for what may have been published before."""

    def __init__(self, client: BulkClient) -> None:
        self._client = client
        self._in_batches = 0
        self.singly = AckedPublisher(client)

    @property
    def published(self) -> int:
        """How many messages were stored since the start, in whichever way."""
        return self._in_batches + self.singly.published

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Publish new messages onto one stream; returns once all are stored, however long NATS is away.

        Gives the ids of those that can wait, and that a full stream refused.
        """
        stored = await self._publish_batch(messages) if len(messages) >= LEAST else 0
        self._in_batches += stored
        return await self.singly.publish(messages[stored:])

    async def _publish_batch(self, messages: Sequence[Message]) -> int:
        """Publish as much as a batch brings about, and say how many of the messages that is."""
        batch, inbox = _Batch(), self._client.new_inbox()
        sid = self._client.subscribe_whole(f"{inbox}.>", batch.hear)
        try:
            sent = 0
            while batch.stored < len(messages) and not batch.is_over:
                some = messages[sent : sent + min(batch.room(sent), _AT_ONCE)]
                if not some:
                    await batch.news()
                elif self._client.write_frames(_frames(some, inbox, sent, len(messages))):
                    sent += len(some)
                    await self._client.drain_writes()
                else:
                    break
        finally:
            self._client.unsubscribe_whole(sid)
        if batch.stored < len(messages):
            _logger.info("a batch stored %d of %d messages; the others come singly", batch.stored, len(messages))
        return batch.stored


def _frames(messages: Sequence[Message], inbox: str, sent: int, last: int) -> list[bytes]:
    """Write messages of a batch of which `sent` are; a message's reply subject says where it stands in the batch."""
    return [
        frame_of(each, f"{inbox}.{_FLOW}.fail.{at}.{_START if at == 1 else _COMMIT if at == last else _APPEND}.$FI")
        for at, each in enumerate(messages, sent + 1)
    ]
