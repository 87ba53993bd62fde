"""A portfolio's history by days: what it was worth at each regular close, and what came of it whatever was paid in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from market.candles.sessions import Segments
from market.candles.timeframe import Session
from market.ledger.decimals import ZERO
from market.ledger.holding import Holding
from market.ledger.transaction import Kind, Transaction
from market.portfolio.money import DECIMALS, minor_decimals, money_text, to_minor
from market.portfolio.worth import Worths

_1970 = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PERCENT_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Day:
    """What a portfolio was worth at the regular close of a day; `net_flow` came in since the day before."""

    day: date
    total_value: Decimal
    market_value: Decimal
    cash: Decimal
    cost: Decimal
    realized: Decimal
    net_flow: Decimal
    priced_at: datetime


class Standing(NamedTuple):
    """A ledger as of one instant; `deposited` is deposits less withdrawals."""

    cash: Decimal
    deposited: Decimal
    holdings: Mapping[str, Holding]


def closes_between(times: Segments, after: datetime, until: datetime) -> dict[date, datetime]:
    """Give the regular closes of a venue behind one instant, up to another and included, by trading day."""
    found = {}
    first, last = ((each - _EPOCH) // timedelta(1) for each in (after, until))
    for day in range(first - 1, last + 2):
        begin, end = times.span_of(day, Session.REGULAR)
        close = _EPOCH + timedelta(minutes=end)
        if end > begin and after < close <= until:
            found[_1970 + timedelta(day)] = close
    return found


def standings(transactions: Sequence[Transaction], instants: Sequence[datetime]) -> Iterator[Standing]:
    """Give the ledger as of each instant, ascending, that included; the transactions are those that take effect."""
    cash, deposited = ZERO, ZERO
    holdings: dict[str, Holding] = {}
    at = 0
    for instant in instants:
        while at < len(transactions) and transactions[at].executed_at <= instant:
            each = transactions[at]
            cash += each.cash
            if each.kind in {Kind.DEPOSIT, Kind.WITHDRAWAL}:
                deposited += each.cash
            if each.symbol:
                holdings[each.symbol] = holdings.get(each.symbol, Holding()).after(each)
            at += 1
        yield Standing(cash, deposited, dict(holdings))


def closed_day(
    day: date, at: datetime, currency: str, standing: Standing, deposited_before: Decimal, prices: Mapping[str, int]
) -> Day:
    """Value a ledger at closing prices, in units of 1e-8 by symbol; what has none counts at its cost."""
    held = {symbol: each for symbol, each in standing.holdings.items() if each.quantity}
    quantity, cost, price = (
        np.array(column, np.int64)
        for column in (
            [_units(each.quantity) for each in held.values()],
            [_units(each.cost) for each in held.values()],
            [prices.get(symbol, 0) for symbol in held],
        )
    )
    decimals = minor_decimals(currency)
    worths = Worths.of(quantity, cost, price, price, decimals)
    realized = sum((each.realized for each in standing.holdings.values()), ZERO)
    flow = standing.deposited - deposited_before
    cash, realized_minor, flow_minor = (
        int(each) for each in to_minor(np.array([_units(each) for each in (standing.cash, realized, flow)]), decimals)
    )
    value, cost_minor = int(worths.value.sum()), int(worths.cost.sum())

    def money(minor: int) -> Decimal:
        return Decimal(minor).scaleb(-decimals)

    return Day(
        day,
        money(cash + value),
        money(value),
        money(cash),
        money(cost_minor),
        money(realized_minor),
        money(flow_minor),
        at,
    )


def performance(currency: str, days: Sequence[Day]) -> dict[str, Any]:
    """Tell how a portfolio did, as `GET /portfolios/{id}/performance` answers.

    A day's return is what it gained of what was there in the morning, what was paid in that day included; None where
    that is not above zero, and for the first day. The time-weighted return chains the days', so that it does not
    depend on how much was paid in when; None where no day has one.
    """
    decimals = minor_decimals(currency)
    returns: list[float | None] = []
    for place, each in enumerate(days):
        base = days[place - 1].total_value + each.net_flow if place else ZERO
        returns.append(float((each.total_value - base) / base) if base > 0 else None)
    known = [each for each in returns if each is not None]
    growth = float(np.prod([1 + each for each in known]))
    return {
        "currency": currency,
        "days": [
            {
                "day": each.day.isoformat(),
                "total_value": _money(each.total_value, decimals),
                "net_flow": _money(each.net_flow, decimals),
                "return_percent": None if gained is None else _percent(gained),
            }
            for each, gained in zip(days, returns, strict=True)
        ],
        "time_weighted_percent": _percent(growth - 1) if known else None,
    }


def _percent(share: float) -> float:
    return round(100 * share, _PERCENT_DECIMALS)


def _money(amount: Decimal, decimals: int) -> str:
    return money_text(int(to_minor(np.array([_units(amount)]), decimals)[0]), decimals)


def _units(amount: Decimal) -> int:
    return int(amount.scaleb(DECIMALS))
