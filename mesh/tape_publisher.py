"""The tape lane's publisher: event rows into `tape.<partition>`, every one acknowledged, in order, stored once.

Each partition has at most one batch on its way. What comes meanwhile waits and leaves together, so batches grow by
themselves as the server slows, and a batch that is sent again can never overtake another. A batch keeps its
`Nats-Msg-Id` for every attempt, so the stream stores it once even where only the acknowledgement was lost.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from market import subjects
from market.grouping import group
from market.row_type import Rows, as_bytes
from mesh.bulk_client import BulkClient

_logger = logging.getLogger(__name__)

MAX_BATCH_BYTES = 512 << 10
MAX_UNACKED_BYTES = 64 << 20
FIRST_RETRY_S = 1.0
MAX_RETRY_S = 10.0


@dataclass(slots=True)
class _OnItsWay:
    """A batch that is sent and not acknowledged yet."""

    number: int
    payload: bytes
    retry_at_s: float
    attempts: int = 1


@dataclass(slots=True)
class _Partition:
    subject: bytes
    waiting: deque[bytes] = field(default_factory=deque)
    sent: _OnItsWay | None = None
    batches: int = 0


def feed_of(message_id: str) -> str:
    """Tell which feed published a message of the tape, by its `Nats-Msg-Id`: `<feed>-<epoch>-<partition>-<batch>`."""
    return message_id.rsplit("-", 3)[0]


class TapePublisher:
    """Publishes for one feed; `acked` and the rest are counts since the start."""

    def __init__(self, client: BulkClient, feed: str, epoch: int, partitions: int, now_s: Callable[[], float]) -> None:
        self._client = client
        self._id_prefix = f"{feed}-{epoch}".encode()
        self._now_s = now_s
        self._partitions = [_Partition(subjects.tape(number).encode()) for number in range(partitions)]
        self._inbox = client.new_inbox().encode()
        self.unacked_bytes = 0  # rows handed over and not acknowledged yet
        self._acked = asyncio.Event()  # set by every acknowledgement
        self.acked_batches = 0
        self.acked_bytes = 0
        self.retried_batches = 0
        self.duplicate_batches = 0
        self.last_sequence = 0  # the stream's, of the newest acknowledged batch, or of the newest there was before
        client.subscribe_raw(f"{self._inbox.decode()}.*.*", self._on_ack)

    def append(self, events: Rows) -> None:
        """Take over a batch of event rows; await `room` before the next."""
        if not len(events):
            return
        groups = group(subjects.partitions_of(events["instrument"], len(self._partitions)))
        ordered = as_bytes(events)[groups.order]
        for partition, start, size in zip(groups.keys, groups.starts, groups.sizes, strict=True):
            self._partitions[partition].waiting.append(ordered[start : start + size].tobytes())
        self.unacked_bytes += ordered.size

    def flush(self) -> None:
        """Send what waits, wherever the partition's last batch is acknowledged."""
        frames: list[bytes] = []
        for number, partition in enumerate(self._partitions):
            if partition.waiting and partition.sent is None:
                frames += self._next_batch(number, partition)
        if frames:
            self._client.write_frames(frames)

    async def room(self) -> None:
        """Wait while `MAX_UNACKED_BYTES` or more are unacknowledged: the feed stops before anything is lost."""
        while self.unacked_bytes >= MAX_UNACKED_BYTES:
            await self._next_ack()

    async def settled(self) -> None:
        """Wait until everything handed over is acknowledged."""
        while self.unacked_bytes:
            await self._next_ack()

    async def _next_ack(self) -> None:
        self.flush()
        self._acked.clear()
        await self._acked.wait()

    async def retry_for_ever(self) -> None:
        """Send batches again whose acknowledgement is overdue, at growing intervals."""
        while True:
            await asyncio.sleep(FIRST_RETRY_S / 4)
            now_s = self._now_s()
            for number, partition in enumerate(self._partitions):
                sent = partition.sent
                if sent is not None and now_s >= sent.retry_at_s:
                    sent.attempts += 1
                    sent.retry_at_s = now_s + min(FIRST_RETRY_S * 2 ** (sent.attempts - 1), MAX_RETRY_S)
                    self.retried_batches += 1
                    self._client.write_frames(self._frames(number, partition, sent))

    def retry_now(self) -> None:
        """Send every unacknowledged batch again at once: the connection is new."""
        for number, partition in enumerate(self._partitions):
            if partition.sent is not None:
                self.retried_batches += 1
                self._client.write_frames(self._frames(number, partition, partition.sent))

    def _next_batch(self, number: int, partition: _Partition) -> list[bytes]:
        parts = [partition.waiting.popleft()]
        size = len(parts[0])
        while partition.waiting and size + len(partition.waiting[0]) <= MAX_BATCH_BYTES:
            parts.append(partition.waiting.popleft())
            size += len(parts[-1])
        partition.batches += 1
        partition.sent = _OnItsWay(partition.batches, b"".join(parts), self._now_s() + FIRST_RETRY_S)
        return self._frames(number, partition, partition.sent)

    def _frames(self, number: int, partition: _Partition, batch: _OnItsWay) -> list[bytes]:
        header = b"NATS/1.0\r\nNats-Msg-Id: %s-%d-%d\r\n\r\n" % (self._id_prefix, number, batch.number)
        sizes = (len(header), len(header) + len(batch.payload))
        line = b"HPUB %s %s.%d.%d %d %d\r\n" % (partition.subject, self._inbox, number, batch.number, *sizes)
        return [line + header, batch.payload, b"\r\n"]

    def _on_ack(self, subject: str, payload: bytes) -> None:
        number, batch = map(int, subject.split(".")[-2:])
        partition = self._partitions[number]
        sent = partition.sent
        if sent is None or sent.number != batch:
            return  # the answer to another attempt; the first one's has come
        answer = json.loads(payload) if payload else {}
        if "error" in answer or "seq" not in answer:  # a refusal may carry "seq": 0 beside its error
            error = answer.get("error", {}).get("description", "no stream takes it")
            _logger.warning("tape partition %d: %s; the batch is sent again when due", number, error)
            return
        partition.sent = None
        self.acked_batches += 1
        self.acked_bytes += len(sent.payload)
        self.duplicate_batches += bool(answer.get("duplicate"))
        self.last_sequence = max(self.last_sequence, answer["seq"])
        self.unacked_bytes -= len(sent.payload)
        self._acked.set()
