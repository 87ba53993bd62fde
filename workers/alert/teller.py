"""Firings onto their streams once they are in the tables: in the order of transactions, and none left out.

What was committed and not published, by an owner before or by this one whose commit's answer was lost, is read from the
tables. How far it is is written down about once a second; what is published again after that has the same ids.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TypeAlias
from uuid import UUID

from mesh.acked_publisher import Message
from mesh.alerts.batch import told, untold
from mesh.alerts.messages import FiredMessages, fired_message, notice_message, told_of
from mesh.alerts.writes import Notice
from mesh.batch_publisher import BatchPublisher
from workers.alert.transactions import Transactions

MAX_WAITING = 50_000  # messages; then ticks wait
_MARK_S = 1.0
_READ_AT_ONCE = 5_000
_NOTICES_AT_ONCE = 10_000
_MADE_AT_ONCE = 4_000  # messages: a crash makes 100,000 of them, and others of the process need their turns
_LAST = UUID(int=2**128 - 1)  # of any revision

Fired: TypeAlias = Sequence[Message] | FiredMessages


@dataclass(slots=True)
class _Told:
    """What one transaction brought about that is told of; without `fired` it is to be read from the tables."""

    revision: int
    fired: Fired | None
    notices: Sequence[Notice] = ()


class Teller:
    """Publishes for one partition, whose firings up to the revision `published` are on their stream."""

    def __init__(
        self, partition: int, fence: int, published: int, transactions: Transactions, publisher: BatchPublisher
    ) -> None:
        self._partition = partition
        self._fence = fence
        self._transactions = transactions
        self._publisher = publisher
        self._published = published
        self._mark_at_s: float | None = None  # by the loop's clock; None: it is written down how far this is
        self._notices: list[UUID] = []  # published, and not marked as that yet
        self._waiting: deque[_Told] = deque()
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.waiting = 0  # messages

    def tell(self, revision: int, fired: Fired, notices: Sequence[Notice]) -> None:
        """Take over what a transaction brought about, which is in the tables; await `room` before the next."""
        self._add(_Told(revision, fired, notices))

    def look_up(self, revision: int) -> None:
        """Publish what is in the tables up to a revision and was not told."""
        self._add(_Told(revision, None))

    async def room(self) -> None:
        """Wait while too much waits to be published."""
        await self._room.wait()

    async def run(self) -> None:
        """Publish, for as long as the task lives."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._mark_at_s):
                    await self._wanted.wait()
            self._wanted.clear()
            while self._waiting:
                await self._publish_next()
                await self._mark_when_due()
            await self._mark_when_due()

    def _add(self, each: _Told) -> None:
        self._waiting.append(each)
        self.waiting += len(each.fired or ()) + len(each.notices)
        if self.waiting >= MAX_WAITING:
            self._room.clear()
        self._wanted.set()

    async def _publish_next(self) -> None:
        """Publish what several transactions brought about, or what one of them did that is in the tables alone."""
        some = [self._waiting.popleft()]
        if some[0].fired is None:
            await self._publish_from_tables(some[0].revision)
        else:
            while self._waiting and self._waiting[0].fired is not None:
                some.append(self._waiting.popleft())
            await self._publish(some)
        self._published = some[-1].revision
        if self._mark_at_s is None:
            self._mark_at_s = asyncio.get_running_loop().time() + _MARK_S

    async def _publish(self, some: Sequence[_Told]) -> None:
        """Publish what transactions brought about: notifications behind all the firings."""
        for messages in _at_once(chain.from_iterable(each.fired or () for each in some)):
            await self._publisher.publish(messages)
            self._count_down(len(messages))
        notices = [notice for each in some for notice in each.notices]
        refused: set[str] = set()
        for messages in _at_once(map(notice_message, notices)):
            refused |= await self._publisher.publish(messages)
            self._count_down(len(messages))
        self._notices += (each.id for each in notices if str(each.id) not in refused)

    def _count_down(self, messages: int) -> None:
        self.waiting -= messages
        if self.waiting < MAX_WAITING:
            self._room.set()

    async def _publish_from_tables(self, until: int) -> None:
        after = self._published, _LAST
        while True:
            reading = partial(
                untold,
                partition=self._partition,
                published=self._published,
                after=after,
                until=until,
                limit=_READ_AT_ONCE,
            )
            found = await self._transactions.ask(reading)
            told = told_of([firing for firing, _ in found])
            # An owner before may have published some of these, and have them on their way still.
            await self._publisher.singly.publish([fired_message(each) for each in told])
            if len(found) < _READ_AT_ONCE:
                return
            firing, revision = found[-1]
            after = revision, firing.id

    async def _mark_when_due(self) -> None:
        is_due = self._mark_at_s is not None and asyncio.get_running_loop().time() >= self._mark_at_s
        if not is_due and len(self._notices) < _NOTICES_AT_ONCE:
            return
        self._mark_at_s = None
        revision, notices, self._notices = self._published, self._notices, []
        await self._transactions.ask(
            lambda connection: told(connection, self._partition, self._fence, revision, notices)
        )


def _at_once(made: Iterable[Message]) -> Iterator[Sequence[Message]]:
    """Make messages, some at a time."""
    making = iter(made)
    while some := list(islice(making, _MADE_AT_ONCE)):
        yield some
