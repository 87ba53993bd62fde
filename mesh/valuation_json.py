"""A valuation as JSON bytes, in microseconds: what stands still is text already, the figures are put in between.

The bytes hold what `market.portfolio.valuation.valuation` gives, member for member.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from market.portfolio.money import average_units, money_text, to_minor, units_text
from market.portfolio.prices import Prices
from market.portfolio.valuation import (
    MOST_PARTS,
    PERCENT_PARTS,
    UNCLASSIFIED,
    Balance,
    Head,
    Holdings,
    standing,
    sums,
)
from market.portfolio.worth import Worths
from mesh.compiled import compiled
from mesh.raw import put, put_byte, put_digits

I8 = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_FIGURES_BYTES = 512  # more than all figures of a holding, and the names between them, ever take
_PART_BYTES = 64
_COMMA, _QUOTE, _POINT, _MINUS = b',".-'


def _bytes(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8).copy()


_NULL = _bytes("null")
_AGE = _bytes(',"price_age_ms":')
_VALUE = _bytes(',"market_value":')
_GAIN = _bytes(',"unrealized":')
_GAIN_PERCENT = _bytes(',"unrealized_percent":')
_CHANGE = _bytes(',"day_change":')
_CHANGE_PERCENT = _bytes(',"day_change_percent":')
_WEIGHT = _bytes(',"weight_percent":')
_PART_PERCENT = _bytes('","percent":')
_PART_END = _bytes("}")


class Texts(NamedTuple):
    """Texts one after the other, and where each ends."""

    text: Bytes
    ends: I8

    @classmethod
    def of(cls, texts: list[bytes]) -> "Texts":
        """Lay texts out."""
        ends = np.cumsum([len(each) for each in texts], dtype=np.int64)
        return cls(np.frombuffer(b"".join(texts), np.uint8).copy(), ends)


class _Rows(NamedTuple):
    """The figures of holdings, in units and minor units."""

    is_priced: npt.NDArray[np.bool_]
    has_previous: npt.NDArray[np.bool_]
    price: I8
    age_ms: I8
    cost: I8
    value: I8
    day_change: I8


class PreparedValuation:
    """A portfolio as it was committed, ready to be valued again and again."""

    def __init__(self, head: Head, holdings: Holdings) -> None:
        self._holdings = holdings
        self._balance = Balance.of(head)
        self._standing = msgspec.json.encode(standing(head))[:-1] + b","
        self._cost = to_minor(holdings.cost, self._balance.decimals)
        columns = zip(
            holdings.symbols,
            holdings.names,
            holdings.quantity.tolist(),
            holdings.cost.tolist(),
            self._cost.tolist(),
            strict=True,
        )
        self._before = Texts.of([self._row_text(*each) for each in columns])
        sectors = [sector or UNCLASSIFIED for sector in holdings.sectors]
        self._after = Texts.of([b',"sector":' + msgspec.json.encode(sector) + b"}" for sector in sectors])
        self._symbols = _keys(holdings.symbols)
        names = sorted(set(sectors))
        self._sectors = _keys(names)
        self._sector_of = np.array([names.index(sector) for sector in sectors], np.intp)
        self._currency = _keys([head.currency] if sectors else [])

    def __len__(self) -> int:
        return len(self._holdings.symbols)

    def json(self, prices: Prices, as_of_ns: int) -> bytes:
        """Value it at the prices of its holdings, in their order."""
        holdings, decimals = self._holdings, self._balance.decimals
        worths = Worths.at_cost(holdings.quantity, self._cost, prices.price, prices.previous, decimals)
        whole = int(worths.value.sum())
        age_ms = np.maximum((as_of_ns - prices.ts_event_ns) // 1_000_000, 0)
        known = (worths.is_priced, worths.has_previous)
        rows = _Rows(*known, prices.price, age_ms, worths.cost, worths.value, worths.day_change)
        parts: list[bytes | memoryview] = [
            self._standing,
            msgspec.json.encode(sums(self._balance, holdings.symbols, worths, as_of_ns))[1:-1],
            b',"holdings":[',
            _written(self._before, self._after, rows, whole, decimals),
            b'],"allocation":{"symbol":[',
            _parts(self._symbols, worths.value, whole, decimals),
            b'],"sector":[',
            _parts(self._sectors, _sums(self._sector_of, worths.value, len(self._sectors.ends)), whole, decimals),
            b'],"currency":[',
            _parts(self._currency, np.full(len(self._currency.ends), whole, np.int64), whole, decimals),
            b"]}}",
        ]
        return b"".join(parts)

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
    PreparedValuation(head, Holdings([], [], [], nothing, nothing)).json(Prices.unknown(0), 0)


def _keys(names: Iterable[str]) -> Texts:
    return Texts.of([b'{"key":' + msgspec.json.encode(name) + b',"value":"' for name in names])


def _sums(places: npt.NDArray[np.intp], values: I8, count: int) -> I8:
    sums = np.zeros(count, np.int64)
    np.add.at(sums, places, values)
    return sums


def _written(before: Texts, after: Texts, rows: _Rows, whole: int, decimals: int) -> memoryview:
    out = np.empty(len(before.text) + len(after.text) + len(before.ends) * _FIGURES_BYTES, np.uint8)
    return out[: _write_rows(before, after, rows, whole, decimals, out)].data


def _parts(keys: Texts, values: I8, whole: int, decimals: int) -> memoryview:
    out = np.empty(len(keys.text) + len(values) * _PART_BYTES, np.uint8)
    order = np.argsort(-values, kind="stable")  # keys come in their own order
    return out[: _write_parts(keys, order, values, whole, decimals, out)].data


@compiled
def _write_rows(before: Texts, after: Texts, rows: _Rows, whole: int, decimals: int, out: Bytes) -> int:
    at, first_before, first_after = 0, 0, 0
    for place in range(len(rows.price)):
        if place:
            at = put_byte(_COMMA, out, at)
        at = put(before.text, first_before, before.ends[place] - first_before, out, at)
        is_priced, has_previous = rows.is_priced[place], rows.has_previous[place]
        value, cost, change = rows.value[place], rows.cost[place], rows.day_change[place]
        at = _put_decimal(rows.price[place], 8, is_priced, out, at)
        at = _put_text(_AGE, out, at)
        at = put_digits(rows.age_ms[place], 1, out, at) if is_priced else _put_text(_NULL, out, at)
        at = _put_text(_VALUE, out, at)
        at = _put_money(value, decimals, is_priced, out, at)
        at = _put_text(_GAIN, out, at)
        at = _put_money(value - cost, decimals, is_priced, out, at)
        at = _put_text(_GAIN_PERCENT, out, at)
        at = _put_percent(value - cost, cost, is_priced, out, at)
        at = _put_text(_CHANGE, out, at)
        at = _put_money(change, decimals, has_previous, out, at)
        at = _put_text(_CHANGE_PERCENT, out, at)
        at = _put_percent(change, value - change, has_previous, out, at)
        at = _put_text(_WEIGHT, out, at)
        at = _put_percent(value, whole, True, out, at)
        at = put(after.text, first_after, after.ends[place] - first_after, out, at)
        first_before, first_after = before.ends[place], after.ends[place]
    return at


@compiled
def _write_parts(keys: Texts, order: npt.NDArray[np.intp], values: I8, whole: int, decimals: int, out: Bytes) -> int:
    at = 0
    for place in order:
        if at:
            at = put_byte(_COMMA, out, at)
        first = keys.ends[place - 1] if place else 0
        at = put(keys.text, first, keys.ends[place] - first, out, at)
        at = _put_minor(values[place], decimals, out, at)
        at = _put_text(_PART_PERCENT, out, at)
        at = _put_percent(values[place], whole, True, out, at)
        at = _put_text(_PART_END, out, at)
    return at


@compiled
def _put_text(text: Bytes, out: Bytes, at: int) -> int:
    return put(text, 0, len(text), out, at)


@compiled
def _put_money(minor: int, decimals: int, is_known: bool, out: Bytes, at: int) -> int:
    """Put an amount as JSON text, or null."""
    if not is_known:
        return _put_text(_NULL, out, at)
    at = _put_minor(minor, decimals, out, put_byte(_QUOTE, out, at))
    return put_byte(_QUOTE, out, at)


@compiled
def _put_minor(minor: int, decimals: int, out: Bytes, at: int) -> int:
    if minor < 0:
        at, minor = put_byte(_MINUS, out, at), -minor
    scale = 10**decimals
    at = put_digits(minor // scale, 1, out, at)
    if decimals:
        at = put_digits(minor % scale, decimals, out, put_byte(_POINT, out, at))
    return at


@compiled
def _put_percent(part: int, whole: int, is_known: bool, out: Bytes, at: int) -> int:
    """Put what `market.portfolio.valuation.percent` gives, by the same steps."""
    if not is_known or whole <= 0:
        return _put_text(_NULL, out, at)
    found = float(part) * PERCENT_PARTS * 100 / float(whole)
    return _put_decimal(int(np.rint(found)) if abs(found) <= MOST_PARTS else 0, 4, abs(found) <= MOST_PARTS, out, at)


@compiled
def _put_decimal(value: int, decimals: int, is_known: bool, out: Bytes, at: int) -> int:
    """Put a number with so many decimals, without zeros at its end, or null."""
    if not is_known:
        return _put_text(_NULL, out, at)
    if value < 0:
        at, value = put_byte(_MINUS, out, at), -value
    scale = 10**decimals
    at, rest = put_digits(value // scale, 1, out, at), value % scale
    if rest:
        at = put_byte(_POINT, out, at)
        while rest % 10 == 0:
            rest //= 10
            decimals -= 1
        at = put_digits(rest, decimals, out, at)
    return at
