"""The portfolios of the partitions that this process owns, kept in memory behind each commit.

Memory only saves work. Where it may be old the tables are read: while a commit that changes the portfolio is under way
(its answer can be lost after it was made), and when the lease is not surely held (somebody else may have committed).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

import numpy as np

from market.ledger.account import Changes
from market.ledger.portfolio import Portfolio
from market.portfolio.money import minor_decimals
from market.portfolio.positions import Held, Positions
from market.portfolio.valuation import Head
from mesh.actor.lease import Lease
from mesh.ledger.positions import PositionReader, Whole
from workers.portfolio.prices import HeldPrices
from workers.portfolio.valued import Shown

MAX_HEADS = 20_000
MAX_SHOWN_HOLDINGS = 20_000  # some 10 MB of a partition


class OwnedPartition:
    """One partition: positions of all its portfolios, heads of those that were asked for or changed lately."""

    def __init__(self, lease: Lease, prices: HeldPrices) -> None:
        self.positions = Positions()
        self.changed: set[UUID] = set()
        """Portfolios whose holdings, cash or head changed, or that were closed, since somebody last cleared this."""
        self._lease = lease
        self._prices = prices
        self._heads: dict[UUID, tuple[UUID, Head]] = {}
        self._uncertain: set[UUID] = set()
        self._shown: dict[int, Shown] = {}  # by the number of the id: UUID itself is hashed and compared in Python
        self._shown_holdings = 0

    @property
    def fence(self) -> int:
        """Rises with every owner of the partition."""
        return self._lease.value.fence

    def is_sure(self, portfolio: UUID) -> bool:
        """Tell whether what is in memory of a portfolio is what the tables hold."""
        is_uncertain = bool(self._uncertain) and portfolio in self._uncertain
        return not is_uncertain and self._lease.is_held()

    def get(self, portfolio: UUID) -> Whole | None:
        """Give a portfolio as it is for sure; None where only the tables can tell."""
        user, head = self._heads.get(portfolio, (None, None))
        row = self.positions.row(portfolio.bytes)
        if user is None or head is None or row is None or not self.is_sure(portfolio):
            return None
        held = self.positions.held(row)
        symbols = self._prices.symbols_of(held.instrument)
        order = sorted(range(len(symbols)), key=symbols.__getitem__)
        in_order = [symbols[place] for place in order]
        return Whole(user, head, in_order, held.quantity[order], held.cost[order])

    def shown(self, portfolio: UUID) -> Shown | None:
        """Give a portfolio as it is for sure, ready to be answered; None where only the tables can tell."""
        shown = self._shown.get(portfolio.int)
        if shown is not None:
            return shown if self.is_sure(portfolio) else None
        whole = self.get(portfolio)
        if whole is None:
            return None
        shown = Shown(whole, self._prices)
        if shown.is_lasting:
            self._shown[portfolio.int] = shown
            self._shown_holdings += len(shown)
            while self._shown_holdings > MAX_SHOWN_HOLDINGS:
                self._hide(next(iter(self._shown)))
        return shown

    def load(self, wholes: Iterable[Whole]) -> None:
        """Take portfolios over as they were read when nobody could change them."""
        for each in wholes:
            numbers = self._prices.numbers_of(each.symbols)
            head = each.head
            self._prices.hold(numbers)
            self.positions.put(
                head.id.bytes,
                head.revision,
                head.cash,
                minor_decimals(head.currency),
                Held(numbers, each.quantity, each.cost),
            )

    def remember(self, whole: Whole) -> None:
        """Keep the head of a portfolio that was read from the tables, where it is the one that belongs to memory."""
        row = self.positions.row(whole.head.id.bytes)
        if row is not None and self.positions.revision(row) == whole.head.revision and self.is_sure(whole.head.id):
            self._keep(whole.user, whole.head)

    def committing(self, portfolios: Iterable[UUID]) -> None:
        """Trust memory no more for what is about to change."""
        self._uncertain.update(portfolios)

    def committed(self, changes: Iterable[Changes]) -> None:
        """Take over what changed."""
        for each in changes:
            self.changed.add(each.portfolio.id)
            self._hide(each.portfolio.id.int)
            if each.portfolio.deleted_at is not None:
                self._forget(each.portfolio.id)
            else:
                self._change(each)
        self._uncertain.clear()  # a partition's batches come one after the other

    def forget_all(self) -> None:
        """Release what all portfolios hold."""
        self._prices.release(self.positions.instruments(self.positions.rows())[0])

    def _change(self, changes: Changes) -> None:
        portfolio = changes.portfolio
        head, key = head_of(portfolio), portfolio.id.bytes
        numbers = self._prices.numbers_of(list(changes.holdings))
        quantity = [0 if each is None else units(each.quantity) for each in changes.holdings.values()]
        cost = [0 if each is None else units(each.cost) for each in changes.holdings.values()]
        held = Held(numbers, np.array(quantity, np.int64), np.array(cost, np.int64))
        moves = self.positions.change(key, head.revision, head.cash, minor_decimals(head.currency), held)
        if moves.come:
            self._prices.hold(np.array(moves.come))
        if moves.gone:
            self._prices.release(np.array(moves.gone))
        self._keep(portfolio.user, head)

    def _forget(self, portfolio: UUID) -> None:
        self._heads.pop(portfolio, None)
        row = self.positions.row(portfolio.bytes)
        if row is not None:
            self._prices.release(self.positions.held(row).instrument)
            self.positions.remove(portfolio.bytes)

    def _hide(self, portfolio: int) -> None:
        shown = self._shown.pop(portfolio, None)
        self._shown_holdings -= 0 if shown is None else len(shown)

    def _keep(self, user: UUID, head: Head) -> None:
        self._heads.pop(head.id, None)
        self._heads[head.id] = user, head
        while len(self._heads) > MAX_HEADS:
            del self._heads[next(iter(self._heads))]


class Owned:
    """See `workers.portfolio.shell.Follower`."""

    def __init__(self, reader: PositionReader, prices: HeldPrices) -> None:
        self._reader = reader
        self._prices = prices
        self._partitions: dict[int, OwnedPartition] = {}

    def get(self, partition: int) -> OwnedPartition | None:
        """Find a partition that is owned."""
        return self._partitions.get(partition)

    @property
    def partitions(self) -> list[int]:
        """The partitions that are owned."""
        return sorted(self._partitions)

    @property
    def portfolios(self) -> int:
        """How many portfolios are in memory."""
        return sum(len(each.positions) for each in self._partitions.values())

    async def opened(self, partition: int, lease: Lease) -> None:
        """Read all portfolios of a partition; raises PostgresAway."""
        owned = OwnedPartition(lease, self._prices)
        try:
            async for wholes in self._reader.of_partition(partition):
                owned.load(wholes)
        except BaseException:
            owned.forget_all()
            raise
        self._partitions[partition] = owned

    def committing(self, partition: int, portfolios: Sequence[UUID]) -> None:
        """Hear that these are about to change."""
        if (owned := self._partitions.get(partition)) is not None:
            owned.committing(portfolios)

    def committed(self, partition: int, changes: Sequence[Changes]) -> None:
        """Hear what changed, before anybody is answered."""
        if (owned := self._partitions.get(partition)) is not None:
            owned.committed(changes)

    async def closed(self, partition: int) -> None:
        """Forget the partition."""
        owned = self._partitions.pop(partition, None)
        if owned is not None:
            owned.forget_all()

    async def read(self, partition: int, user: UUID, portfolio: UUID) -> Whole | None:
        """Give a user's portfolio as it is now; None where it is not the user's, or not open. Raises PostgresAway."""
        whole = await self.whole(partition, portfolio)
        return whole if whole is not None and whole.user == user else None

    async def whole(self, partition: int, portfolio: UUID) -> Whole | None:
        """Give a portfolio as it is now; None where it is not open. Raises PostgresAway."""
        owned = self._partitions.get(partition)
        whole = None if owned is None else owned.get(portfolio)
        if whole is None:
            whole = await self._reader.portfolio(portfolio)
            owned = self._partitions.get(partition)
            if whole is not None and owned is not None:
                owned.remember(whole)
        return whole

    async def list(self, user: UUID) -> Sequence[Whole]:
        """Give all of a user's portfolios as they are now, the oldest first. Raises PostgresAway."""
        return await self._reader.portfolios(user)


def head_of(portfolio: Portfolio) -> Head:
    """Give a portfolio of the ledger in the integers that valuations count in."""
    totals = portfolio.totals
    return Head(
        portfolio.id,
        portfolio.name,
        portfolio.currency,
        portfolio.created_at,
        portfolio.revision,
        units(totals.cash),
        units(totals.realized),
        units(totals.deposited),
    )


def units(amount: Decimal) -> int:
    """Count a number of the ledger, which has eight decimals at most, in units of 1e-8."""
    return int(amount.scaleb(8))
