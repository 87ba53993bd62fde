"""A pull consumer's messages as they come: one request is always open, and answered as soon as there is anything.

nats-py's `fetch` either waits for its whole number or gives up early; this does neither. A request ends when it is
filled or expires, and the next one follows. Requests have a subject of their own, so the end of an old one is told from
the end of the present one.
https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md
"""

import asyncio
import contextlib
import json
from collections import deque
from http import HTTPStatus
from typing import NamedTuple

from mesh.bulk_client import BulkClient
from mesh.bulk_parser import Whole

MAX_BATCH, _MIN_BATCH = 256, 8
MAX_BYTES = 12 << 20  # of one request; above the largest message that a server takes
# What a request is meant to bring. A process has one open for each partition, and the server cuts off whoever has more
# than its `max_pending` on the way.
_AIM_BYTES = 4 << 20
_EXPIRES_S = 30
_HEARTBEAT_S = 5
_SILENCE_S = 3 * _HEARTBEAT_S
_NS_PER_S = 1_000_000_000
_HEARTBEAT_STATUS = "100"
_ENDED = (str(HTTPStatus.NOT_FOUND.value), str(HTTPStatus.REQUEST_TIMEOUT.value))
_PLAIN_WORDS, _FIGURES_AT = 9, 5  # of the subject of an acknowledgement
_FILLED = ("batch completed", "message size exceeds maxbytes")


class PullBrokenError(Exception):
    """Nothing more can come: the consumer is gone, or the server says nothing any more."""


class Pulled(NamedTuple):
    """A message of a stream: its sequence there, its number among what the consumer delivered, what waits behind it."""

    sequence: int
    number: int
    time_ns: int
    pending: int
    reply: str
    headers: bytes
    payload: bytes


class Pull:
    """The open request and what has come of it."""

    def __init__(self, client: BulkClient, stream: str, consumer: str, max_batch: int = MAX_BATCH) -> None:
        """Take at most `max_batch` messages at once; fewer while several consumers share a connection."""
        self._max_batch = max_batch
        self._client = client
        self._request_subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._waiting: deque[Pulled] = deque()
        self._came = asyncio.Event()
        self._broken = ""
        self._number = 0  # of the newest request
        self._is_open = False
        self._batch = _MIN_BATCH
        self._received = 0
        self._received_bytes = 0
        self._heard_at_s = 0.0
        self._subscription: int | None = None

    async def take(self, wait_s: float, max_bytes: int) -> list[Pulled]:
        """Give the messages that are there; with none, wait for the first, and give none after `wait_s`.

        Raises PullBrokenError, once what came before is taken.
        """
        if not self._waiting:
            await self._wait(wait_s)
        taken: list[Pulled] = []
        size = 0
        while self._waiting and len(taken) < self._max_batch and size < max_bytes:
            taken.append(self._waiting.popleft())
            size += len(taken[-1].payload)
        return taken

    def give_up(self, reason: str) -> None:
        """Take the pull as broken."""
        self._broken = self._broken or reason
        self._came.set()

    async def close(self) -> None:
        """Take nothing more."""
        if self._subscription is not None:
            self._client.unsubscribe_whole(self._subscription)
            self._subscription = None

    async def _wait(self, wait_s: float) -> None:
        if not self._broken and not self._is_open:
            await self._request()
        if not self._broken and not self._waiting:
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), wait_s)
        if not self._waiting and self._is_open and self._now_s() - self._heard_at_s > _SILENCE_S:
            self._broken = self._broken or "no heartbeat"
        if self._broken and not self._waiting:
            raise PullBrokenError(self._broken)

    async def _request(self) -> None:
        if self._subscription is None:
            self._subscription = self._client.subscribe_whole(f"{self._inbox}.*", self._on_message)
        if self._received:
            size_bytes = max(1, self._received_bytes // self._received)
            self._batch = min(max(_AIM_BYTES // size_bytes, _MIN_BATCH), self._max_batch)
        self._number += 1
        self._is_open, self._received, self._received_bytes, self._heard_at_s = True, 0, 0, self._now_s()
        request = {
            "batch": self._batch,
            "max_bytes": MAX_BYTES,
            "expires": _EXPIRES_S * _NS_PER_S,
            "idle_heartbeat": _HEARTBEAT_S * _NS_PER_S,
        }
        reply = f"{self._inbox}.{self._number}"
        await self._client.publish(self._request_subject, json.dumps(request).encode(), reply)

    def _on_message(self, message: Whole) -> None:
        self._heard_at_s = self._now_s()
        if message.reply:
            self._waiting.append(_pulled(message))
            self._received += 1
            self._received_bytes += len(message.payload)
            self._is_open = self._received < self._batch
        elif message.subject.decode() == f"{self._inbox}.{self._number}":
            self._on_status(message.headers.decode(errors="replace"))
        else:
            return
        self._came.set()

    def _on_status(self, headers: str) -> None:
        _, status, description = [*headers.partition("\r\n")[0].split(" ", 2), "", ""][:3]
        if status in _ENDED or description.lower() in _FILLED:
            self._is_open = False
        elif status != _HEARTBEAT_STATUS:
            self.give_up(f"{status} {description}".strip() or "nobody answers")

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()


def _pulled(message: Whole) -> Pulled:
    """Read `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<number>.<time>.<pending>[.…]`."""
    words = message.reply.split(b".")
    at = _FIGURES_AT if len(words) == _PLAIN_WORDS else _FIGURES_AT + 2
    sequence, number, time_ns, pending = map(int, words[at : at + 4])
    return Pulled(sequence, number, time_ns, pending, message.reply.decode(), message.headers, message.payload)
