"""A valuation as JSON bytes, in microseconds: what stands still is text already, the figures are put in between.

The bytes hold what `market.portfolio.valuation.valuation` gives, member for member.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from market.portfolio.money import average_units, money_text, to_minor, units_text
from market.portfolio.prices import Prices
from market.portfolio.valuation import UNCLASSIFIED, Balance, Head, Holdings, standing
from mesh.raw import Bytes
from mesh.valuation_writer import FIGURES_BYTES, HEAD_BYTES, KEY, KEY_END, PART_BYTES, write_valuation

Numbers = npt.NDArray[np.integer[Any]]


class PreparedValuation:
    """A portfolio as it was committed, ready to be valued again and again; `numbers` are those of its prices."""

    def __init__(self, head: Head, holdings: Holdings, numbers: Numbers) -> None:
        self._balance = Balance.of(head)
        cost = to_minor(holdings.cost, self._balance.decimals)
        columns = zip(
            holdings.symbols,
            holdings.names,
            holdings.quantity.tolist(),
            holdings.cost.tolist(),
            cost.tolist(),
            strict=True,
        )
        sectors = [sector or UNCLASSIFIED for sector in holdings.sectors]
        names = sorted(set(sectors))
        currencies = [head.currency] if sectors else []
        texts = [
            msgspec.json.encode(standing(head))[:-1],
            *(self._row_text(*each) for each in columns),
            *(b',"sector":' + msgspec.json.encode(sector) + b"}" for sector in sectors),
            *(KEY + msgspec.json.encode(key) + KEY_END for key in (*holdings.symbols, *names, *currencies)),
        ]
        self._text = np.frombuffer(b"".join(texts), np.uint8)
        self._ends = np.cumsum([len(each) for each in texts], dtype=np.int64)
        sector_of = np.array([names.index(sector) for sector in sectors], np.int64)
        self._columns = np.stack([holdings.quantity, cost, numbers.astype(np.int64), sector_of])
        self._sectors = len(names)
        # Symbols without a price are named once more.
        most_text = len(self._text) + sum(map(len, texts[2 * len(self) + 1 :]))
        self.most_bytes = HEAD_BYTES + most_text + len(texts) * PART_BYTES + len(self) * FIGURES_BYTES

    def __len__(self) -> int:
        return len(self._columns[0])

    def json(self, prices: Prices, as_of_ns: int) -> bytes:
        """Value it at the prices of now, those of its holdings among them."""
        out = np.empty(self.most_bytes, np.uint8)
        return out[: self.write(prices, as_of_ns, out)].tobytes()

    def write(self, prices: Prices, as_of_ns: int, out: Bytes) -> int:
        """Do as `json` into `out`, which has room for `most_bytes`; return how many it takes."""
        balance = self._balance
        return write_valuation(
            self._text,
            self._ends,
            self._columns,
            self._sectors,
            balance.cash,
            balance.deposited,
            balance.decimals,
            prices.price,
            prices.previous,
            prices.ts_event_ns,
            as_of_ns,
            out,
        )

    def _row_text(self, symbol: str, name: str, quantity: int, cost: int, cost_minor: int) -> bytes:
        standing = {
            "symbol": symbol,
            "name": name,
            "quantity": units_text(quantity),
            "average_cost": units_text(average_units(cost, quantity)),
            "cost": money_text(cost_minor, self._balance.decimals),
        }
        return msgspec.json.encode(standing)[:-1] + b',"price":'


def compile_all() -> None:
    """Compile what an answer needs, before anybody waits for one."""
    nothing, at = np.zeros(0, np.int64), datetime(1970, 1, 1, tzinfo=UTC)
    head = Head(UUID(int=0), "", "USD", at, 0, 0, 0, 0)
    holdings = Holdings([], [], [], nothing, nothing)
    PreparedValuation(head, holdings, nothing).json(Prices.unknown(0), 0)
