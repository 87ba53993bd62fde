"""One portfolio as it is shown: what it holds, what that is worth, and what came of it.

Everything is rounded for each holding, to the currency's minor unit; totals are sums of the rounded. A holding without
a price counts at its cost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt

from market.portfolio.money import (
    average_units,
    minor_decimals,
    money_text,
    to_minor,
    units_text,
)
from market.portfolio.prices import Prices
from market.portfolio.worth import Worths

UNCLASSIFIED = "Unclassified"

_NS_PER_MS = 1_000_000
_MS_PER_S = 1_000
PERCENT_PARTS = 10_000.0
MOST_PARTS = 1e13

I8 = npt.NDArray[np.int64]
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """A portfolio without its holdings.

    `revision` is the ledger's sequence of the last command that changed it; `cash`, `realized` and `deposited`, which
    is deposits less withdrawals, are in units of 1e-8.
    """

    id: UUID
    name: str
    currency: str
    created_at: datetime
    revision: int
    cash: int
    realized: int
    deposited: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a portfolio holds, in columns, in the order in which it is shown: quantity and cost i8[n], units of 1e-8."""

    symbols: Sequence[str]
    names: Sequence[str]
    sectors: Sequence[str]
    quantity: I8
    cost: I8


def valuation(head: Head, holdings: Holdings, prices: Prices, as_of_ns: int) -> Body:
    """Value a portfolio at the prices of its holdings, as `GET /portfolios/{id}` answers."""
    worths = _worths(head, holdings, prices)
    return {
        **_totals(head, holdings, worths, as_of_ns),
        "holdings": _rows(holdings, prices, worths, minor_decimals(head.currency), as_of_ns),
        "allocation": _allocation(head.currency, holdings, worths.value),
    }


def summary(head: Head, holdings: Holdings, prices: Prices, as_of_ns: int) -> Body:
    """Value a portfolio without naming its holdings, as it stands in a list."""
    return _totals(head, holdings, _worths(head, holdings, prices), as_of_ns)


def _worths(head: Head, holdings: Holdings, prices: Prices) -> Worths:
    decimals = minor_decimals(head.currency)
    return Worths.of(holdings.quantity, holdings.cost, prices.price, prices.previous, decimals)


def _totals(head: Head, holdings: Holdings, worths: Worths, as_of_ns: int) -> Body:
    return {**standing(head), **sums(Balance.of(head), holdings.symbols, worths, as_of_ns)}


class Balance(NamedTuple):
    """What of a portfolio is money already, in minor units of its currency, which has so many `decimals`."""

    cash: int
    realized: int
    deposited: int
    decimals: int

    @classmethod
    def of(cls, head: Head) -> "Balance":
        """Round a head's money."""
        decimals = minor_decimals(head.currency)
        units = np.array([head.cash, head.realized, head.deposited], np.int64)
        cash, realized, deposited = to_minor(units, decimals).tolist()
        return cls(cash, realized, deposited, decimals)


def standing(head: Head) -> Body:
    """Give what no price changes."""
    balance = Balance.of(head)
    return {
        "id": str(head.id),
        "name": head.name,
        "currency": head.currency,
        "revision": head.revision,
        "created_at": instant(head.created_at),
        "cash": money_text(balance.cash, balance.decimals),
        "realized": money_text(balance.realized, balance.decimals),
    }


def sums(balance: Balance, symbols: Sequence[str], worths: Worths, as_of_ns: int) -> Body:
    """Give the sums of what holdings are shown with, and what follows from them."""
    decimals = balance.decimals
    value, cost, day_change = (int(column.sum()) for column in (worths.value, worths.cost, worths.day_change))
    total = balance.cash + value
    return {
        "as_of": instant(datetime.fromtimestamp(as_of_ns // _NS_PER_MS / _MS_PER_S, UTC)),
        "market_value": money_text(value, decimals),
        "total_value": money_text(total, decimals),
        "cost_basis": money_text(cost, decimals),
        "unrealized": money_text(value - cost, decimals),
        "unrealized_percent": percent(value - cost, cost),
        "day_change": money_text(day_change, decimals),
        "day_change_percent": percent(day_change, value - day_change),
        "return_percent": percent(total - balance.deposited, balance.deposited),
        "unpriced": [symbols[place] for place in np.flatnonzero(~worths.is_priced).tolist()],
    }


def percent(part: int, whole: int) -> float | None:
    """Give a part of a whole in percent, to four decimals; None of a whole that is not above 0, or beyond all sense."""
    if whole <= 0:
        return None
    found = float(part) * PERCENT_PARTS * 100 / float(whole)
    return round(found) / PERCENT_PARTS if abs(found) <= MOST_PARTS else None


def instant(at: datetime) -> str:
    """Write a time in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rows(holdings: Holdings, prices: Prices, worths: Worths, decimals: int, as_of_ns: int) -> list[Body]:
    """Give each holding as it is shown; of one without a price, what hangs on it is None."""
    whole = int(worths.value.sum())
    columns: Iterable[tuple[Any, ...]] = zip(
        holdings.symbols,
        holdings.names,
        holdings.sectors,
        holdings.quantity.tolist(),
        holdings.cost.tolist(),
        np.where(worths.is_priced, prices.price / 1e8, np.nan).tolist(),
        ((as_of_ns - prices.ts_event_ns) // _NS_PER_MS).tolist(),
        worths.is_priced.tolist(),
        worths.cost.tolist(),
        worths.value.tolist(),
        worths.has_previous.tolist(),
        worths.day_change.tolist(),
        strict=True,
    )
    found = []
    for (
        symbol,
        name,
        sector,
        quantity,
        cost_units,
        price,
        age_ms,
        is_priced,
        cost,
        value,
        has_previous,
        change,
    ) in columns:
        gain = value - cost
        found.append(
            {
                "symbol": symbol,
                "name": name,
                "quantity": units_text(quantity),
                "average_cost": units_text(average_units(cost_units, quantity)),
                "cost": money_text(cost, decimals),
                "price": price if is_priced else None,
                "price_age_ms": max(age_ms, 0) if is_priced else None,
                "market_value": money_text(value, decimals) if is_priced else None,
                "unrealized": money_text(gain, decimals) if is_priced else None,
                "unrealized_percent": percent(gain, cost) if is_priced else None,
                "day_change": money_text(change, decimals) if has_previous else None,
                "day_change_percent": percent(change, value - change) if has_previous else None,
                "weight_percent": percent(value, whole),
                "sector": sector or UNCLASSIFIED,
            }
        )
    return found


def _allocation(currency: str, holdings: Holdings, value: I8) -> dict[str, list[Body]]:
    """Divide what the holdings are worth by symbol, sector and currency, the largest part first."""
    decimals, values = minor_decimals(currency), value.tolist()
    whole = sum(values)
    keys = {
        "symbol": holdings.symbols,
        "sector": [sector or UNCLASSIFIED for sector in holdings.sectors],
        "currency": [currency] * len(values),
    }
    found = {}
    for name, each in keys.items():
        parts: dict[str, int] = {}
        for key, part in zip(each, values, strict=True):
            parts[key] = parts.get(key, 0) + part
        found[name] = [
            {"key": key, "value": money_text(part, decimals), "percent": percent(part, whole)}
            for key, part in sorted(parts.items(), key=lambda item: (-item[1], item[0]))
        ]
    return found
