"""The messages of one kind: so many at a time, each held until it is acknowledged or put off.

The stream is a work queue that all workers share. What a worker holds it says so from time to time; what a killed one
held goes to another after `redeliver_s`.
"""

import asyncio
import contextlib
import json
import logging

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header

from market import subjects
from mesh.actor.pull import MAX_BYTES, Pull, PullBrokenError, Pulled
from mesh.connection import Connection
from mesh.notify.codec import Letter, MessageError, Order, decode, encode
from mesh.notify.kinds import Kind
from mesh.specs import ConsumerSpec
from mesh.streams import NOTIFY, DeclarationError, ensure
from workers.notify.delivery import Deliverer

_logger = logging.getLogger(__name__)

_TAKE_S = 5.0
_AGAIN_S = 0.5
_UNEXPECTED_S = 60.0
_PUBLISH_WITHIN_S = 5.0
_FINISH_S = 3.0
_MOST_PUT_OFF = 100_000  # messages on their way or put off; beyond it the kind waits
_NS_PER_S = 1_000_000_000


class Lane:
    """Takes the messages of one kind from NOTIFY and has them delivered."""

    def __init__(self, client: Connection, kind: Kind, deliverer: Deliverer, at_once: int, redeliver_s: float) -> None:
        self._client = client
        self._js: JetStreamContext = client.jetstream()
        self._at_once = at_once
        self._redeliver_s = redeliver_s
        self._slots = asyncio.Semaphore(at_once)
        self._pull: Pull | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: set[str] = set()
        self._consumer = ConsumerSpec(
            NOTIFY,
            f"notify-{kind}",
            subjects.notify(kind),
            redeliver_s,
            _MOST_PUT_OFF,
            f"{kind}: whoever sends them",
        )
        self.kind = kind
        self.deliverer = deliverer
        self.pending = 0
        client.on_reconnect(self._reconnected)

    async def run(self) -> None:
        """Work until the task is cancelled; then finish what is on its way, within bounds, and give back the rest."""
        async with asyncio.TaskGroup() as tasks:
            holding = tasks.create_task(self._hold_for_ever())
            try:
                while True:
                    async with self._slots:  # there is room for one
                        pass
                    for message in await self._taken():
                        self._begin(message)
            finally:
                await self._finish()
                holding.cancel()

    async def _taken(self) -> list[Pulled]:
        try:
            if self._pull is None:
                await ensure(self._js, [self._consumer])
                self._pull = Pull(self._client, NOTIFY, self._consumer.name, self._at_once)
            messages = await self._pull.take(_TAKE_S, MAX_BYTES)
        except (PullBrokenError, NatsError, TimeoutError, DeclarationError) as error:
            _logger.info("%s: reading anew: %s", self.kind, str(error) or type(error).__name__)
            await self._drop_pull()
            await asyncio.sleep(_AGAIN_S)
            return []
        self.pending = messages[-1].pending if messages else 0
        return messages

    def _begin(self, message: Pulled) -> None:
        self._held.add(message.reply)
        task = asyncio.create_task(self._handle(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, message: Pulled) -> None:
        answer = b"-NAK"  # cancelled before its turn or half-way: for another worker, at once
        try:
            async with self._slots:
                answer = await self._answer_to(message)
        finally:
            self._held.discard(message.reply)
            # A lost connection is a RuntimeError to uvloop until nats-py hears of it; the message comes again.
            with contextlib.suppress(NatsError, RuntimeError):
                await self._client.publish(message.reply, answer)

    async def _answer_to(self, message: Pulled) -> bytes:
        async def bury(letter: Letter) -> None:
            # The place in the queue makes one letter of one death, however often it is told.
            headers: dict[str, str] = {Header.MSG_ID: f"{letter.id}:{message.sequence}"}
            subject = subjects.dead_notification(letter.kind)
            await self._js.publish(subject, encode(letter), timeout=_PUBLISH_WITHIN_S, headers=headers)

        try:
            order = decode(message.payload, Order)
        except MessageError:
            _logger.exception("%s: message %d cannot be read", self.kind, message.sequence)
            return b"+TERM"
        try:
            wait_s = await self.deliverer.deliver(order, bury)
        except (NatsError, TimeoutError):
            wait_s = _AGAIN_S  # the letter was not taken
        except Exception:
            _logger.exception("%s: message %d is put off", self.kind, message.sequence)
            wait_s = _UNEXPECTED_S
        if wait_s is None:
            return b"+ACK"
        return b"-NAK " + json.dumps({"delay": max(1, int(wait_s * _NS_PER_S))}).encode()

    async def _hold_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._redeliver_s / 3)
            with contextlib.suppress(NatsError):
                for reply in list(self._held):
                    await self._client.publish(reply, b"+WPI")

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FINISH_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._drop_pull()

    async def _drop_pull(self) -> None:
        if self._pull is not None:
            await self._pull.close()
            self._pull = None

    async def _reconnected(self) -> None:
        if self._pull is not None:
            self._pull.give_up("the connection is new")
