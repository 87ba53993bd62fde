"""Answers what portfolios are worth now, for the partitions that this process owns."""

import asyncio
import logging
from functools import partial

import msgspec

from market import subjects
from mesh.bulk_client import BulkClient
from mesh.bulk_parser import Whole
from mesh.pool import PostgresAway
from mesh.portfolio_now import NOT_FOUND, UNKNOWN_NOW, Asked
from mesh.valuation_json import compile_all
from workers.portfolio.owned import Owned
from workers.portfolio.prices import HeldPrices
from workers.portfolio.valued import Shown, listed

_logger = logging.getLogger(__name__)

_READS_AT_ONCE = 64


class PortfolioNowServer:
    """Subscribed to `portfolionow.<partition>` while the partition is owned."""

    def __init__(self, client: BulkClient, owned: Owned, prices: HeldPrices, partitions: int) -> None:
        self.answers = 0
        self.from_tables = 0
        self._client = client
        self._owned = owned
        self._prices = prices
        self._partitions = partitions
        self._subscriptions: dict[int, int] = {}
        self._reading: set[asyncio.Task[None]] = set()
        compile_all()

    def opened(self, partition: int) -> None:
        """Begin to answer for a partition."""
        subject = subjects.portfolio_now(partition)
        self._subscriptions[partition] = self._client.subscribe_whole(subject, partial(self._asked, partition))

    def closed(self, partition: int) -> None:
        """Answer for it no more."""
        subscription = self._subscriptions.pop(partition, None)
        if subscription is not None:
            self._client.unsubscribe_whole(subscription)

    def _asked(self, partition: int, request: Whole) -> None:
        """Answer from memory at once; what only the tables know must not hold up who asks for another."""
        try:
            asked = Asked.decode(request.payload)
        except msgspec.DecodeError as error:
            _logger.warning("a request for partition %d cannot be read: %s", partition, error)
            return
        if not request.reply:
            return
        owned = self._owned.get(partition)
        shown = None if owned is None or asked.portfolio is None else owned.shown(asked.portfolio)
        if shown is not None and shown.user.int == asked.user.int:
            self.answers += self._client.send_written(request.reply, shown.most_bytes, shown.write)
        elif shown is not None:
            self._respond(request, NOT_FOUND)
        elif subjects.partition_of_user(asked.user, self._partitions) != partition:
            return
        elif len(self._reading) >= _READS_AT_ONCE:
            self._respond(request, UNKNOWN_NOW)
        else:
            task = asyncio.create_task(self._read(partition, request, asked))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _read(self, partition: int, request: Whole, asked: Asked) -> None:
        self.from_tables += 1
        try:
            if asked.portfolio is None:
                answer = msgspec.json.encode(listed(await self._owned.list(asked.user), self._prices))
            else:
                whole = await self._owned.read(partition, asked.user, asked.portfolio)
                answer = NOT_FOUND if whole is None else Shown(whole, self._prices).json()
        except PostgresAway:
            answer = UNKNOWN_NOW
        self._respond(request, answer)

    def _respond(self, request: Whole, answer: bytes) -> None:
        """Answer; whoever asked and hears nothing asks the tables."""
        self.answers += self._client.send(request.reply, answer)
