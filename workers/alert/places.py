"""Places on streams: whether they are those that the tables speak of, and whether the end has been read."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from market import subjects
from mesh.actor.reader import Delivery
from mesh.alerts.batch import Progress, past
from mesh.streams import ALERTS, TAPE
from workers.alert.core import AlertCore
from workers.alert.decisions import numbered
from workers.alert.transactions import Transactions

_logger = logging.getLogger(__name__)

_RETRY_S = 0.2
_LOOK_S = 0.02

Answer = TypeVar("Answer")


class AlertMismatchError(Exception):
    """Tables and streams contradict each other: one of them is not the one that the other was made with."""


class Places:
    """Looks at TAPE and ALERTS, however long NATS is away."""

    def __init__(self, js: JetStreamContext, transactions: Transactions) -> None:
        self._js = js
        self._transactions = transactions

    async def compare(self, partition: int, progress: Progress) -> None:
        """Raise AlertMismatchError where the streams do not hold what the tables say that they are at."""
        tape, commands = progress.tape_sequence, progress.command_sequence
        if tape:
            seen = await _patiently(lambda: self._message(TAPE, tape))
            last = (await _patiently(lambda: self._js.stream_info(TAPE))).state.last_seq
            is_another = seen is not None and seen.subject != subjects.tape(partition)
            if last < tape or is_another:
                raise AlertMismatchError(f"partition {partition} has seen {tape} of {TAPE}, which is not there")
        if commands:
            stored = await _patiently(lambda: self._message(ALERTS, commands))
            if stored is None or stored.subject != subjects.alerts(partition):
                raise AlertMismatchError(f"partition {partition} is at {commands} of {ALERTS}, which is not there")
            decided = numbered(Delivery(commands, "", 0, stored.data or b"")).id
            if not await self._transactions.ask(lambda connection: past(connection, [decided])):
                raise AlertMismatchError(f"partition {partition} is at {commands}, where {ALERTS} has something else")

    async def caught_up(self, partition: int, core: AlertCore) -> None:
        """Wait until a partition of the tape was read as far as it goes now, and all evaluated that ever was."""
        subject = subjects.tape(partition)
        while (end := await _patiently(lambda: self._last(subject))) > core.position:
            for _ in range(100):  # what is old may go before it is read: then there is another end, or none
                if core.position >= end:
                    return
                await asyncio.sleep(_LOOK_S)

    async def _last(self, subject: str) -> int:
        try:
            return (await self._js.get_last_msg(TAPE, subject)).seq or 0
        except NotFoundError:
            return 0

    async def _message(self, stream: str, sequence: int) -> RawStreamMsg | None:
        try:
            return await self._js.get_msg(stream, sequence)
        except NotFoundError:
            return None


async def _patiently(what: Callable[[], Awaitable[Answer]]) -> Answer:
    while True:
        try:
            return await what()
        except (NatsError, TimeoutError) as error:
            _logger.info("NATS does not answer: %s", str(error) or type(error).__name__)
            await asyncio.sleep(_RETRY_S)
