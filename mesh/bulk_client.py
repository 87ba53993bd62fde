"""A NATS client for the data plane: nats-py, with a bulk way in and a bulk way out beside its own.

nats-py keeps what it is good at: connecting, authentication, TLS, pings, reconnecting, requests, JetStream. It costs
some microseconds a message, which the quote lane cannot pay. `BulkClient` adds

- `write_frames`: whole `PUB` frames, built elsewhere, go straight to the connection;
- `subscribe_many`: thousands of exact subjects, their payloads, where all have one size, handed over a network read at
  a time as arrays;
- `subscribe_raw`: one subject whose messages reach a plain function, for acknowledgements;
- `subscribe_whole`: likewise with their replies and headers, for streams that are read, and for requests;
- `ask`, `send` and `send_written`: a request, and the answer to one, without a queue and a task on either side;
- `flush`: nats-py's own sends its PING ahead of what waits to be written, and says nothing of that.

The private parts of nats-py that this leans on are `_close`, `_connect_to_server`, `_pending`, `_pending_data_size`,
`_process_connect_init`, `_ps`, `_transport` and its parser's `parse`; a test holds them in place.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from nats.aio.client import DEFAULT_FLUSH_TIMEOUT, Client, Srv
from nats.errors import ConnectionReconnectingError, NoRespondersError

from mesh.bulk_parser import (
    FIRST_RAW_SID,
    LAST_BULK_SID,
    BulkParser,
    BulkReceiver,
    RawReceiver,
    VariedReceiver,
    Whole,
    WholeReceiver,
)
from mesh.bulk_run import ANY_SIZE, FIRST_BULK_SID
from mesh.bulk_transport import BulkTransport
from mesh.raw import Bytes

_SUBSCRIBE_CHUNK = 1000
_WRITE_BUFFER_BYTES = 4 << 20
_JOIN_BYTES = 128 << 10
_NOBODY = b"NATS/1.0 503"
_END = b"\r\n"
_HEAD_BYTES = 256  # more than `PUB`, a subject that is an answer's, and a length take
_AROUND_BYTES = _HEAD_BYTES + len(_END)


class TooManySubscriptionsError(Exception):
    """The subscriptions asked for would pass the limit; the server would drop the whole connection."""


@dataclass(slots=True)
class BulkSubscription:
    """One consumer of many exact subjects, all with payloads of `payload_bytes`, or of any size."""

    receive: BulkReceiver | VariedReceiver
    payload_bytes: int
    sids: dict[int, int] = field(default_factory=dict)  # the consumer's slot -> subscription id


class BulkClient(Client):
    """nats-py's client with bulk publishing and subscribing; connect it like any other."""

    def __init__(self, max_bulk_subscriptions: int = 1_000_000) -> None:
        super().__init__()
        self._max_bulk_subscriptions = max_bulk_subscriptions
        self._subjects: dict[int, str] = {}  # sid -> subject, of all subscriptions of our own
        self._last_sid = FIRST_BULK_SID - 1
        self._next_single_sid = FIRST_RAW_SID
        self._bulk_parser = BulkParser(self)
        self._ps = self._bulk_parser
        self._answers = b""  # where answers come to, once anything was asked
        self._asked = 0
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._room: Bytes = np.empty(0, np.uint8)

    @property
    def bulk_subscription_count(self) -> int:
        """How many subjects are subscribed in bulk or raw."""
        return len(self._subjects)

    def write_frames(self, frames: Sequence[bytes | memoryview]) -> bool:
        """Send built `PUB` frames; False, and nothing sent, while the connection is down.

        Await `drain_writes` after it: the write buffer is bounded only by callers that wait.
        """
        if not self.is_connected or self._transport is None:
            return False
        # One write is one system call: copying small frames together costs less than sending them one by one.
        joined = [b"".join(frames)] if sum(map(len, frames)) <= _JOIN_BYTES else frames
        try:
            for frame in joined:
                self._transport.write(frame)  # type: ignore[arg-type]  # any buffer will do
        except RuntimeError:
            # uvloop closes a transport whose write failed at once; nats-py hears of it a turn of the loop later.
            return False
        return True

    async def drain_writes(self) -> None:
        """Wait until the connection's write buffer has room; returns at once while it is down."""
        if self.is_connected and self._transport is not None:
            try:
                await self._transport.drain()  # type: ignore[no-untyped-call]  # nats-py leaves it so
            except ConnectionError:
                return  # nats-py notices the same loss itself and reconnects

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:  # noqa: ASYNC109  # nats-py's signature
        """Wait until the server has seen all that was written before, subscriptions too."""
        if self.write_frames(self._pending):  # nats-py's way to hurry them waits, and swallows a cancellation
            self._pending, self._pending_data_size = [], 0
        await super().flush(timeout)

    def send(self, subject: bytes, payload: bytes) -> bool:
        """Send one message at once.

        False, and nothing sent, while the connection is down, or takes nothing more: so an answer is given up.
        """
        frame = b"PUB %s %d\r\n%s\r\n" % (subject, len(payload), payload)
        return not self._is_full() and self.write_frames([frame])

    def send_written(self, subject: bytes, most_bytes: int, write: Callable[[Bytes], int]) -> bool:
        """Do as `send` with a payload that `write` puts into the room it is given, and tells the length of.

        The room is the client's own, used again and again: making it anew, and copying from it, would take as long as
        to write some thousands of bytes. So `write` must not keep it.
        """
        transport = self._transport
        if not isinstance(transport, BulkTransport):  # over WebSocket
            room = np.empty(most_bytes, np.uint8)
            return self.send(subject, room[: write(room)].tobytes())
        if not self.is_connected or self._is_full():
            return False
        if len(self._room) < most_bytes + _AROUND_BYTES:
            self._room = np.empty(most_bytes + _AROUND_BYTES, np.uint8)
        end = _HEAD_BYTES + write(self._room[_HEAD_BYTES:])
        head, frame = b"PUB %s %d\r\n" % (subject, end - _HEAD_BYTES), self._room.data
        frame[_HEAD_BYTES - len(head) : _HEAD_BYTES], frame[end : end + len(_END)] = head, _END
        try:
            transport.write(frame[_HEAD_BYTES - len(head) : end + len(_END)])
        except RuntimeError:  # see `write_frames`
            return False
        if transport.waiting_bytes:
            self._room = np.empty(0, np.uint8)  # what the system has not taken is still to be read from the old one
        return True

    def _is_full(self) -> bool:
        transport = self._transport
        return isinstance(transport, BulkTransport) and transport.waiting_bytes > _WRITE_BUFFER_BYTES

    async def ask(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """Ask whoever is subscribed, as `request` does for several times the work; give the payload of the answer.

        Raises TimeoutError, NoRespondersError, and ConnectionReconnectingError while the connection is down.
        """
        if not self._answers:
            self._answers = self.new_inbox().encode()
            self.subscribe_whole(f"{self._answers.decode()}.*", self._hear)
        self._asked += 1
        reply = b"%s.%d" % (self._answers, self._asked)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = answer
        try:
            frame = b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), reply, len(payload), payload)
            if not self.write_frames([frame]):
                raise ConnectionReconnectingError
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            del self._waiting[reply]

    def open_bulk(self, payload_bytes: int, receive: BulkReceiver) -> BulkSubscription:
        """Begin a bulk subscription with no subjects yet.

        `receive(slots, payloads)` is called for every run of its messages in a network read: `slots` intp[n] are the
        numbers given in `subscribe_many`, `payloads` uint8[n, payload_bytes], in the order of arrival.
        """
        return BulkSubscription(receive, payload_bytes)

    def open_varied(self, receive: VariedReceiver) -> BulkSubscription:
        """Begin a bulk subscription to payloads of any size; `receive(slot, payload)` gets every message by itself."""
        return BulkSubscription(receive, ANY_SIZE)

    def subscribe_many(self, bulk: BulkSubscription, subjects: Mapping[int, str]) -> None:
        """Add subjects (slot -> subject) to a bulk subscription.

        They are in force for all that the server reads from this connection afterwards, and come back by themselves
        on reconnecting. Raises TooManySubscriptionsError before anything is sent.
        """
        added = {slot: subject for slot, subject in subjects.items() if slot not in bulk.sids}
        if len(self._subjects) + len(added) > self._max_bulk_subscriptions:
            raise TooManySubscriptionsError(
                f"{len(self._subjects)} subscriptions and {len(added)} more pass {self._max_bulk_subscriptions}"
            )
        for slot, subject in added.items():
            bulk.sids[slot] = self._take_sid(subject)
            self._bulk_parser.route(bulk.sids[slot], slot, subject, bulk.payload_bytes, bulk.receive)
        self._send_subscriptions([bulk.sids[slot] for slot in added])

    def unsubscribe_many(self, bulk: BulkSubscription, slots: Iterable[int]) -> None:
        """Drop subjects; messages already on their way are discarded."""
        sids = [bulk.sids.pop(slot) for slot in slots if slot in bulk.sids]
        for sid in sids:
            del self._subjects[sid]
            self._bulk_parser.unroute(sid)
        self.write_frames([b"".join(b"UNSUB %d\r\n" % sid for sid in sids)])

    def subscribe_raw(self, subject: str, receive: RawReceiver) -> None:
        """Hand every message of one subject to `receive(subject, payload)`, outside nats-py's queues.

        The subject may hold wildcards. Headers are left out: "no responders" is an empty payload.
        """
        self._bulk_parser.raw[self._subscribe_singly(subject)] = receive

    def subscribe_whole(self, subject: str, receive: WholeReceiver) -> int:
        """Hand every message of one subject, wildcards allowed, to `receive`; the answer is for `unsubscribe_whole`."""
        sid = self._subscribe_singly(subject)
        self._bulk_parser.whole[sid] = receive
        return sid

    def unsubscribe_whole(self, sid: int) -> None:
        """End a subscription; messages already on their way are discarded."""
        del self._subjects[sid], self._bulk_parser.whole[sid]
        self.write_frames([b"UNSUB %d\r\n" % sid])

    def _hear(self, message: Whole) -> None:
        answer = self._waiting.get(message.subject)
        if answer is None or answer.done():
            return
        if message.headers.startswith(_NOBODY):
            answer.set_exception(NoRespondersError())
        else:
            answer.set_result(message.payload)

    def _subscribe_singly(self, subject: str) -> int:
        sid = self._next_single_sid
        self._next_single_sid += 1
        self._subjects[sid] = subject
        self._send_subscriptions([sid])
        return sid

    def _take_sid(self, subject: str) -> int:
        """Give the next free subscription id; long-freed ones come round again, as ids have a fixed width."""
        sid = self._last_sid
        while True:
            sid = sid + 1 if sid < LAST_BULK_SID else FIRST_BULK_SID
            if sid not in self._subjects:
                break
        self._last_sid = sid
        self._subjects[sid] = subject
        return sid

    def _send_subscriptions(self, sids: Sequence[int]) -> None:
        for start in range(0, len(sids), _SUBSCRIBE_CHUNK):
            chunk = sids[start : start + _SUBSCRIBE_CHUNK]
            self.write_frames([b"".join(b"SUB %s %d\r\n" % (self._subjects[sid].encode(), sid) for sid in chunk)])

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        # nats-py sends what it still has before it closes; a connection lost just now would end it half-way.
        if isinstance(self._transport, BulkTransport):
            self._transport.leave()
        await super()._close(status, do_cbs)

    async def _connect_to_server(self, s: Srv) -> None:
        if self._transport:
            # An attempt that failed after the server accepted it leaves its socket to the garbage collector.
            self._transport.close()  # type: ignore[no-untyped-call]  # nats-py leaves it so
        elif s.uri.scheme not in {"ws", "wss"}:
            self._transport = BulkTransport(self._bulk_parser.take)
        await super()._connect_to_server(s)

    async def _process_connect_init(self) -> None:
        await super()._process_connect_init()
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        # nats-py replays only the subscriptions it knows of.
        self._send_subscriptions(list(self._subjects))
