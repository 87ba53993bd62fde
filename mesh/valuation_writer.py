"""Writing a valuation as JSON, in one pass of compiled code over a portfolio's columns. Pure.

`mesh.valuation_json` has what no price changes ready; here it is put together with what prices make of it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market.compiled import compiled
from market.portfolio.money import DECIMALS, LARGEST, UNITS_PER_ONE
from market.portfolio.valuation import Balance
from mesh.raw import Bytes, put, put_byte, put_digits
from mesh.raw_json import put_decimal, put_instant, put_minor, put_money, put_percent, put_text, text_bytes

I8 = npt.NDArray[np.int64]

KEY, KEY_END = b'{"key":', b',"value":"'
FIGURES_BYTES = 512  # more than all figures of a holding, and the names between them, ever take
PART_BYTES = 64  # likewise, of a part
HEAD_BYTES = 1024  # likewise, of sums, and of the names around rows and parts

_LARGEST = float(LARGEST) * UNITS_PER_ONE**2
_COMMA = ord(",")
_NULL = text_bytes("null")
_AS_OF = text_bytes(',"as_of":"')
_SUM_VALUE = text_bytes('","market_value":')
_TOTAL_VALUE = text_bytes(',"total_value":')
_COST_BASIS = text_bytes(',"cost_basis":')
_RETURN = text_bytes(',"return_percent":')
_UNPRICED = text_bytes(',"unpriced":[')
_HOLDINGS = text_bytes('],"holdings":[')
_BY_SYMBOL = text_bytes('],"allocation":{"symbol":[')
_BY_SECTOR = text_bytes('],"sector":[')
_BY_CURRENCY = text_bytes('],"currency":[')
_END = text_bytes("]}}")
_AGE = text_bytes(',"price_age_ms":')
_VALUE = text_bytes(',"market_value":')
_GAIN = text_bytes(',"unrealized":')
_GAIN_PERCENT = text_bytes(',"unrealized_percent":')
_CHANGE = text_bytes(',"day_change":')
_CHANGE_PERCENT = text_bytes(',"day_change_percent":')
_WEIGHT = text_bytes(',"weight_percent":')
_PART_PERCENT = text_bytes('","percent":')
_PART_END = text_bytes("}")


class _Portfolio(NamedTuple):
    """What no price changes: texts one after the other, and figures of holdings in columns.

    First comes what stands before all that changes, then of each holding what comes before its price, of each what
    comes behind its figures, then beginnings of parts: of each holding, each sector, each currency. `ends` tells where
    each of them does. Quantities are in units, costs in minor units; `number` tells which of all prices is a holding's,
    `sector_of` which of `sectors` it belongs to.
    """

    text: Bytes
    ends: I8
    quantity: I8
    cost: I8
    number: I8
    sector_of: I8
    sectors: int


class _Moment(NamedTuple):
    """All prices, and the time."""

    price: I8
    previous: I8
    ts_event_ns: I8
    as_of_ns: int


class _Worth(NamedTuple):
    """What `market.portfolio.worth.Worths` holds, and the prices that it was made of."""

    price: I8
    has_previous: npt.NDArray[np.bool_]
    value: I8
    day_change: I8


@compiled
def write_valuation(
    text: Bytes,
    ends: I8,
    columns: I8,
    sectors: int,
    cash: int,
    deposited: int,
    decimals: int,
    price: I8,
    previous: I8,
    ts_event_ns: I8,
    as_of_ns: int,
    out: Bytes,
) -> int:
    """Write a valuation; return where it ends. `columns` are those of `_Portfolio`, one below the other.

    Arrays are handed over one by one: to look into tuples of them costs a call from Python half as much again.
    """
    portfolio = _Portfolio(text, ends, columns[0], columns[1], columns[2], columns[3], sectors)
    moment = _Moment(price, previous, ts_event_ns, as_of_ns)
    worth = _worth(portfolio, moment, decimals)
    at = _put_own(portfolio, 0, out, 0)
    at = _write_sums(portfolio, Balance(cash, 0, deposited, decimals), moment, worth, out, at)
    at = _write_rows(portfolio, moment, worth, decimals, out, put_text(_HOLDINGS, out, at))
    count, of_sector = len(portfolio.quantity), np.zeros(sectors, np.int64)
    for place in range(count):
        of_sector[portfolio.sector_of[place]] += worth.value[place]
    symbols_at = 2 * count + 1
    sectors_at = symbols_at + count
    currencies_at = sectors_at + sectors
    whole = np.full(len(ends) - currencies_at, worth.value.sum(), np.int64)
    at = _write_parts(portfolio, symbols_at, worth.value, decimals, out, put_text(_BY_SYMBOL, out, at))
    at = _write_parts(portfolio, sectors_at, of_sector, decimals, out, put_text(_BY_SECTOR, out, at))
    at = _write_parts(portfolio, currencies_at, whole, decimals, out, put_text(_BY_CURRENCY, out, at))
    return put_text(_END, out, at)


@compiled
def _put_own(portfolio: _Portfolio, number: int, out: Bytes, at: int) -> int:
    """Put one of a portfolio's own texts."""
    first = portfolio.ends[number - 1] if number else 0
    return put(portfolio.text, first, portfolio.ends[number] - first, out, at)


@compiled
def _worth(portfolio: _Portfolio, moment: _Moment, decimals: int) -> _Worth:
    """Find what `market.portfolio.worth.Worths.of` does, by the same steps."""
    count = len(portfolio.quantity)
    price, has_previous = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    value, day_change = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for place in range(count):
        quantity, number = portfolio.quantity[place], portfolio.number[place]
        price[place] = _usable(quantity, moment.price[number])
        value[place] = portfolio.cost[place]
        if price[place] > 0:
            value[place] = _minor(quantity, price[place], decimals)
            before = _minor(quantity, _usable(quantity, moment.previous[number]), decimals)
            has_previous[place] = before > 0
            day_change[place] = value[place] - before if before > 0 else 0
    return _Worth(price, has_previous, value, day_change)


@compiled
def _usable(quantity: int, price: int) -> int:
    return 0 if float(quantity) * float(price) > _LARGEST else price


@compiled
def _minor(quantity: int, price: int, decimals: int) -> int:
    """Multiply as `market.portfolio.money.worth` does: what the product leaves is right although it runs over."""
    divisor = 10 ** (2 * DECIMALS - decimals)
    minor = int(np.rint(float(quantity) * float(price) / divisor))
    rest, half = quantity * price - minor * divisor, divisor // 2
    if rest > half or (rest == half and minor % 2 == 1):
        return minor + 1
    return minor - 1 if rest < -half or (rest == -half and minor % 2 == 1) else minor


@compiled
def _write_sums(portfolio: _Portfolio, balance: Balance, moment: _Moment, worth: _Worth, out: Bytes, at: int) -> int:
    """Write what `market.portfolio.valuation.sums` gives."""
    decimals, value, cost, change = balance.decimals, worth.value.sum(), portfolio.cost.sum(), worth.day_change.sum()
    total = balance.cash + value
    at = put_instant(moment.as_of_ns, out, put_text(_AS_OF, out, at))
    at = put_money(value, decimals, True, out, put_text(_SUM_VALUE, out, at))
    at = put_money(total, decimals, True, out, put_text(_TOTAL_VALUE, out, at))
    at = put_money(cost, decimals, True, out, put_text(_COST_BASIS, out, at))
    at = put_money(value - cost, decimals, True, out, put_text(_GAIN, out, at))
    at = put_percent(value - cost, cost, True, out, put_text(_GAIN_PERCENT, out, at))
    at = put_money(change, decimals, True, out, put_text(_CHANGE, out, at))
    at = put_percent(change, value - change, True, out, put_text(_CHANGE_PERCENT, out, at))
    at = put_percent(total - balance.deposited, balance.deposited, True, out, put_text(_RETURN, out, at))
    at = put_text(_UNPRICED, out, at)
    first_key, is_first = 2 * len(worth.price) + 1, True
    for place in range(len(worth.price)):
        if worth.price[place] == 0:
            at = at if is_first else put_byte(_COMMA, out, at)
            is_first = False
            first = portfolio.ends[first_key + place - 1] + len(KEY)
            at = put(portfolio.text, first, portfolio.ends[first_key + place] - len(KEY_END) - first, out, at)
    return at


@compiled
def _write_rows(portfolio: _Portfolio, moment: _Moment, worth: _Worth, decimals: int, out: Bytes, at: int) -> int:
    count, whole = len(worth.price), worth.value.sum()
    for place in range(count):
        if place:
            at = put_byte(_COMMA, out, at)
        at = _put_own(portfolio, 1 + place, out, at)
        price, has_previous = worth.price[place], worth.has_previous[place]
        value, cost, change = worth.value[place], portfolio.cost[place], worth.day_change[place]
        age_ms = max((moment.as_of_ns - moment.ts_event_ns[portfolio.number[place]]) // 1_000_000, 0)
        at = put_decimal(price, 8, price > 0, out, at)
        at = put_text(_AGE, out, at)
        at = put_digits(age_ms, 1, out, at) if price > 0 else put_text(_NULL, out, at)
        at = put_money(value, decimals, price > 0, out, put_text(_VALUE, out, at))
        at = put_money(value - cost, decimals, price > 0, out, put_text(_GAIN, out, at))
        at = put_percent(value - cost, cost, price > 0, out, put_text(_GAIN_PERCENT, out, at))
        at = put_money(change, decimals, has_previous, out, put_text(_CHANGE, out, at))
        at = put_percent(change, value - change, has_previous, out, put_text(_CHANGE_PERCENT, out, at))
        at = put_percent(value, whole, True, out, put_text(_WEIGHT, out, at))
        at = _put_own(portfolio, 1 + count + place, out, at)
    return at


@compiled
def _write_parts(portfolio: _Portfolio, first: int, values: I8, decimals: int, out: Bytes, at: int) -> int:
    """Write the parts of a whole, the largest first; those of one size in the order of their keys."""
    whole, is_first = values.sum(), True
    for place in np.argsort(-values, kind="mergesort"):
        at = at if is_first else put_byte(_COMMA, out, at)
        is_first = False
        at = _put_own(portfolio, first + place, out, at)
        at = put_minor(values[place], decimals, out, at)
        at = put_percent(values[place], whole, True, out, put_text(_PART_PERCENT, out, at))
        at = put_text(_PART_END, out, at)
    return at
