"""Portfolios as they are shown: what is held, under the names that the directory gives it, at the prices of now."""

import time
from collections.abc import Sequence

from market.portfolio.valuation import Body, Holdings, summary, valuation
from mesh.ledger.positions import Whole
from mesh.raw import Bytes
from mesh.valuation_json import PreparedValuation
from workers.portfolio.prices import HeldPrices


class Shown:
    """A portfolio as it was committed, and the form in which it is answered."""

    def __init__(self, whole: Whole, prices: HeldPrices) -> None:
        self.user = whole.user
        self._prices = prices
        holdings, self.is_lasting = _holdings(whole, prices)
        """Whether all symbols are known to the directory: the name of one that is not yet may come at any time."""
        self._valuation = PreparedValuation(whole.head, holdings, prices.numbers_of(whole.symbols))

    def __len__(self) -> int:
        return len(self._valuation)

    @property
    def most_bytes(self) -> int:
        """How long `json` may be."""
        return self._valuation.most_bytes

    def json(self) -> bytes:
        """Value it at the prices of now, as `GET /portfolios/{id}` answers."""
        return self._valuation.json(self._prices.prices, time.time_ns())

    def write(self, out: Bytes) -> int:
        """Do as `json` into `out`; return how many bytes it takes."""
        return self._valuation.write(self._prices.prices, time.time_ns(), out)


def valued(whole: Whole, prices: HeldPrices) -> Body:
    """Value a portfolio as `Shown` does, part by part."""
    numbers = prices.numbers_of(whole.symbols)
    return valuation(whole.head, _holdings(whole, prices)[0], prices.prices.take(numbers), time.time_ns())


def listed(wholes: Sequence[Whole], prices: HeldPrices) -> Body:
    """Value a user's portfolios without their holdings, all at the same prices, as `GET /portfolios` answers."""
    as_of_ns = time.time_ns()
    return {"portfolios": [_summary(each, prices, as_of_ns) for each in wholes]}


def _holdings(whole: Whole, prices: HeldPrices) -> tuple[Holdings, bool]:
    """Give holdings their names; tells as well whether all are known."""
    listings = [prices.listing(symbol) for symbol in whole.symbols]
    holdings = Holdings(
        whole.symbols,
        [symbol if each is None else each.name for symbol, each in zip(whole.symbols, listings, strict=True)],
        ["" if each is None else each.sector for each in listings],
        whole.quantity,
        whole.cost,
    )
    return holdings, all(each is not None for each in listings)


def _summary(whole: Whole, prices: HeldPrices, as_of_ns: int) -> Body:
    unnamed = [""] * len(whole.symbols)
    holdings = Holdings(whole.symbols, unnamed, unnamed, whole.quantity, whole.cost)
    return summary(whole.head, holdings, prices.prices.take(prices.numbers_of(whole.symbols)), as_of_ns)
