"""Portfolios as they are shown: what is held, under the names that the directory gives it, at the prices of now."""

import time
from collections.abc import Sequence

from market.portfolio.valuation import Body, Holdings, summary, valuation
from mesh.ledger.positions import Whole
from workers.portfolio.prices import HeldPrices


def valued(whole: Whole, prices: HeldPrices) -> Body:
    """Value a portfolio, as `GET /portfolios/{id}` answers."""
    numbers = prices.numbers_of(whole.symbols)
    listings = [prices.listing(symbol) for symbol in whole.symbols]
    holdings = Holdings(
        whole.symbols,
        [symbol if each is None else each.name for symbol, each in zip(whole.symbols, listings, strict=True)],
        ["" if each is None else each.sector for each in listings],
        whole.quantity,
        whole.cost,
    )
    return valuation(whole.head, holdings, prices.prices.take(numbers), time.time_ns())


def listed(wholes: Sequence[Whole], prices: HeldPrices) -> Body:
    """Value a user's portfolios without their holdings, all at the same prices, as `GET /portfolios` answers."""
    as_of_ns = time.time_ns()
    return {"portfolios": [_summary(each, prices, as_of_ns) for each in wholes]}


def _summary(whole: Whole, prices: HeldPrices, as_of_ns: int) -> Body:
    unnamed = [""] * len(whole.symbols)
    holdings = Holdings(whole.symbols, unnamed, unnamed, whole.quantity, whole.cost)
    return summary(whole.head, holdings, prices.prices.take(prices.numbers_of(whole.symbols)), as_of_ns)
