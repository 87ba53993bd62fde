"""One partition's messages, each once and strictly ascending, whatever the server forgets or delivers again.

The position is the reader's own: an acknowledgement only lets the server forget, and is trusted for nothing, as a
server that is killed may deliver again what it had acknowledged. What was delivered and never came (a connection that
broke) shows in the consumer's own numbering; then the consumer is made anew behind the position.
"""

import asyncio
import contextlib
import logging
import re
from dataclasses import dataclass, replace

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from mesh.actor.pull import Pull, PullBrokenError, Pulled
from mesh.bulk_client import BulkClient
from mesh.specs import ConsumerSpec
from mesh.streams import DeclarationError, ensure
from mesh.tape_publisher import feed_of

_logger = logging.getLogger(__name__)

_RETRY_S = 0.2
_NS_PER_S = 1e9
_SAME_S = 0.001  # clients are told microseconds
_ID = re.compile(rb"\r\nnats-msg-id:[ \t]*([^\r]*)", re.IGNORECASE)


class StreamCutError(Exception):
    """The stream ends before what was read of it: another one, or one that lost its end; new messages look like old."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of the tape: where it stands there, the feed that published it, when the server stored it."""

    sequence: int
    source: str
    time_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the reading that can be acknowledged, as long as the consumer is the same."""

    reply: str
    consumer: int


class PartitionReader:
    """Reads one subject of a stream from `position` on; `redelivered` and the rest are counts since the start."""

    def __init__(self, client: BulkClient, js: JetStreamContext, spec: ConsumerSpec, position: int) -> None:
        self._client = client
        self._js = js
        self._spec = spec
        self._pull: Pull | None = None
        self._next_delivery = 0  # the consumer's own number of the next message
        self._consumers = 0  # made so far
        self._reply = ""
        self._stored_ns = 0  # when the message at the position was; 0: not known
        self.position = position
        self.pending = 0  # messages on the server behind the position
        self.redelivered = 0
        self.lost_to_retention = 0

    @property
    def mark(self) -> Mark:
        """The place of the last message taken."""
        return Mark(self._reply, self._consumers)

    async def take(self, wait_s: float, max_bytes: int) -> list[Delivery]:
        """Give the next messages that are there; waits for the first, and gives none after `wait_s`."""
        if self._pull is None:
            self._pull = await self._mended()
        try:
            messages = await self._pull.take(wait_s, max_bytes)
        except (PullBrokenError, NatsError) as error:
            _logger.info("%s: reading anew: %s", self._spec.name, str(error) or type(error).__name__)
            await self._drop()
            return []
        taken: list[Delivery] = []
        for message in messages:
            if not self._is_next(message):
                await self._drop()
                break
            if message.sequence <= self.position:
                self.redelivered += 1
                continue
            self.position, self._reply, self.pending = message.sequence, message.reply, message.pending
            self._stored_ns = message.time_ns
            taken.append(delivery_of(message))
        return taken

    async def acknowledge(self, mark: Mark) -> None:
        """Let the server forget everything up to a mark."""
        if mark.reply and mark.consumer == self._consumers:
            await self._client.publish(mark.reply, b"+ACK")

    def connection_lost(self) -> None:
        """Find out what came of the messages on their way, as soon as the server is there."""
        if self._pull is not None:
            self._pull.give_up("the connection is new")

    async def close(self) -> None:
        """Remove the consumer; where that fails the server removes it after its time."""
        await self._drop()
        with contextlib.suppress(NatsError, TimeoutError):
            await self._js.delete_consumer(self._spec.stream, self._spec.name)

    def _is_next(self, message: Pulled) -> bool:
        if message.number != self._next_delivery:
            _logger.warning("%s: delivery %d came for %d", self._spec.name, message.number, self._next_delivery)
            return False
        self._next_delivery += 1
        return True

    async def _drop(self) -> None:
        if self._pull is not None:
            await self._pull.close()
            self._pull = None

    async def _mended(self) -> Pull:
        while True:
            try:
                await self._agree()
                return Pull(self._client, self._spec.stream, self._spec.name)
            except (NatsError, TimeoutError, DeclarationError) as error:
                _logger.debug("%s: %s", self._spec.name, str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_S)

    async def _agree(self) -> None:
        """Keep the consumer if it has delivered nothing beyond the position, else make it anew.

        Raises StreamCutError.
        """
        stream, name = self._spec.stream, self._spec.name
        first = await self._compared()
        if self._consumers:
            with contextlib.suppress(NotFoundError):
                delivered = (await self._js.consumer_info(stream, name)).delivered
                if delivered is not None and delivered.stream_seq <= self.position:
                    self._next_delivery = delivered.consumer_seq + 1
                    return
        with contextlib.suppress(NotFoundError):
            await self._js.delete_consumer(stream, name)
        if self.position and first > self.position + 1:
            self.lost_to_retention += first - self.position - 1
            _logger.error("%s: the stream begins at %d, after %d", name, first, self.position)
            self.position = first - 1
        await ensure(self._js, [replace(self._spec, start_sequence=self.position + 1)])
        self._next_delivery = 1
        self._consumers += 1

    async def _compared(self) -> int:
        """Give the stream's first sequence; raises StreamCutError where it is not the one that was read."""
        stream = self._spec.stream
        state = (await self._js.stream_info(stream)).state
        if state.last_seq < self.position:
            raise StreamCutError(f"{stream} ends at {state.last_seq}, and was read to {self.position}")
        if self._stored_ns and state.first_seq <= self.position:
            with contextlib.suppress(NotFoundError):  # it went just now, as what is old does
                stored = (await self._js.get_msg(stream, self.position)).time
                if stored is None or abs(stored.timestamp() - self._stored_ns / _NS_PER_S) > _SAME_S:
                    raise StreamCutError(f"{stream} has another message at {self.position} than was read there")
        return state.first_seq


def delivery_of(message: Pulled) -> Delivery:
    """Tell what a message of the tape is."""
    found = _ID.search(message.headers)
    source = feed_of(found[1].decode(errors="replace")) if found else ""
    return Delivery(message.sequence, source, message.time_ns, message.payload)
