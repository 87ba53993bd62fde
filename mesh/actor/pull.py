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

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from mesh.bulk_client import BulkClient

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
_FILLED = ("batch completed", "message size exceeds maxbytes")


class PullBrokenError(Exception):
    """Nothing more can come: the consumer is gone, or the server says nothing any more."""


class Pull:
    """The open request and what has come of it."""

    def __init__(self, client: BulkClient, stream: str, consumer: str) -> None:
        self._client = client
        self._request_subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._waiting: deque[Msg] = deque()
        self._came = asyncio.Event()
        self._broken = ""
        self._number = 0  # of the newest request
        self._is_open = False
        self._batch = _MIN_BATCH
        self._received = 0
        self._received_bytes = 0
        self._heard_at_s = 0.0
        self._subscription: Subscription | None = None

    async def take(self, wait_s: float, max_bytes: int) -> list[Msg]:
        """Give the messages that are there; with none, wait for the first, and give none after `wait_s`.

        Raises PullBrokenError, once what came before is taken.
        """
        if not self._waiting:
            await self._wait(wait_s)
        taken: list[Msg] = []
        size = 0
        while self._waiting and len(taken) < MAX_BATCH and size < max_bytes:
            taken.append(self._waiting.popleft())
            size += len(taken[-1].data)
        return taken

    def give_up(self, reason: str) -> None:
        """Take the pull as broken."""
        self._broken = self._broken or reason
        self._came.set()

    async def close(self) -> None:
        """Take nothing more."""
        if self._subscription is not None:
            with contextlib.suppress(NatsError):
                await self._subscription.unsubscribe()

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
            self._subscription = await self._client.subscribe(
                f"{self._inbox}.*",
                cb=self._on_message,
                pending_msgs_limit=4 * MAX_BATCH,
                pending_bytes_limit=4 * MAX_BYTES,
            )
        if self._received:
            size_bytes = max(1, self._received_bytes // self._received)
            self._batch = min(max(_AIM_BYTES // size_bytes, _MIN_BATCH), MAX_BATCH)
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

    async def _on_message(self, message: Msg) -> None:
        self._heard_at_s = self._now_s()
        if message.reply:
            self._waiting.append(message)
            self._received += 1
            self._received_bytes += len(message.data)
            self._is_open = self._received < self._batch
        elif message.subject == f"{self._inbox}.{self._number}":
            self._on_status(message.headers or {})
        else:
            return
        self._came.set()

    def _on_status(self, headers: dict[str, str]) -> None:
        status, description = headers.get("Status", ""), headers.get("Description", "")
        if status in _ENDED or description.lower() in _FILLED:
            self._is_open = False
        elif status != _HEARTBEAT_STATUS:
            self.give_up(f"{status} {description}".strip() or "nobody answers")

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
