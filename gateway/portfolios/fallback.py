"""Values portfolios from the tables and this gateway's own prices, while their owner does not answer."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from gateway.upstream import UnknownSymbolError, Upstream
from market.instrument import Instrument
from market.ledger.decimals import UNIT
from market.ledger.holding import Holding
from market.ledger.portfolio import Portfolio
from market.portfolio.prices import Prices
from market.portfolio.valuation import Head, Holdings, summary, valuation
from market.symbols import SymbolError
from mesh.ledger.store import LedgerStore

Body = dict[str, Any]


class Fallback:
    """Reads the ledger's tables, which are the truth; raises PostgresAway."""

    def __init__(self, store: LedgerStore, upstream: Upstream) -> None:
        self._store = store
        self._upstream = upstream

    async def value(self, user: UUID, portfolio: UUID) -> Body | None:
        """Value one portfolio; None where the user has no such."""
        found = await self._store.whole(portfolio, user)
        if found is None:
            return None
        head, holdings = found
        held = self._held(holdings)
        return valuation(_head(head), held, await self._prices(held.symbols), time.time_ns())

    async def list(self, user: UUID) -> Body:
        """Sum up all portfolios of a user, in the order of their creation."""
        summaries = []
        for each in await self._store.portfolios(user):
            if found := await self._store.whole(each.id, user):
                head, holdings = found
                held = self._held(holdings)
                summaries.append(summary(_head(head), held, await self._prices(held.symbols), time.time_ns()))
        return {"portfolios": summaries}

    def _held(self, holdings: Mapping[str, Holding]) -> Holdings:
        """Give what is still held, with what the directory says of it."""
        held = {symbol: each for symbol, each in holdings.items() if each.quantity}
        listings = [None if (found := self._find(symbol)) is None else found.listing for symbol in held]
        return Holdings(
            list(held),
            ["" if listing is None else listing.name for listing in listings],
            ["" if listing is None else listing.sector for listing in listings],
            np.array([int(each.quantity / UNIT) for each in held.values()], np.int64),
            np.array([int(each.cost / UNIT) for each in held.values()], np.int64),
        )

    async def _prices(self, symbols: Sequence[str]) -> Prices:
        """Give the newest price of each symbol that can be had now."""
        prices = Prices.unknown(len(symbols))
        instruments = [self._find(symbol) for symbol in symbols]
        places = {int(each.number): place for place, each in enumerate(instruments) if each is not None}
        states = await self._upstream.latest_of([each for each in instruments if each is not None])
        known, at = Prices.of_states(states), [places[number] for number in states["instrument"].tolist()]
        prices.price[at], prices.previous[at], prices.ts_event_ns[at] = known.price, known.previous, known.ts_event_ns
        return prices

    def _find(self, symbol: str) -> Instrument | None:
        try:
            return self._upstream.resolve(symbol)
        except (SymbolError, UnknownSymbolError):
            return None


def _head(head: Portfolio) -> Head:
    totals = head.totals
    cash, realized, deposited = (int(each / UNIT) for each in (totals.cash, totals.realized, totals.deposited))
    return Head(head.id, head.name, head.currency, head.created_at, head.revision, cash, realized, deposited)
