"""What a ledger comes to, the slow way: whole units of 1e-8 in Python's integers, all of it again for each command."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from market.ledger.commands import Command, Correct, Create, Delete, Fields, Import, Record, Rename

UNITS = 10**8
LIMIT = 90_000_000_000 * UNITS
TRADES = ("BUY", "SELL", "DIVIDEND")
SUMS = ("quantity", "cost", "realized", "dividends", "bought", "sold", "commissions")
FIRST = datetime(1970, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any]  # a row of the table `transactions`, or `asdict` of a Transaction
Sums = dict[str, Any]  # Decimal by name, and `last_executed_at`


class ImpossibleError(Exception):
    """More is sold than held, a split leaves nothing, or a sum has no room."""


def recompute(rows: Iterable[Row]) -> tuple[Sums, dict[str, Sums]]:
    """Recompute a portfolio's totals and its holdings by symbol from all of its rows, in any order."""
    entries = [dict(row) for row in rows]
    lines = standing(entries)
    holdings = {symbol: hold(lines, symbol) for symbol in {line["symbol"] for line in lines} - {""}}
    cash = {
        kind: sum(paid(line) for line in lines if line["kind"] == kind) for kind in {each["kind"] for each in lines}
    }
    totals = {
        "cash": sum(cash.values()),
        "deposited": cash.get("DEPOSIT", 0) + cash.get("WITHDRAWAL", 0),
        "fees": -cash.get("FEE", 0),
        "realized": sum(each["realized"] for each in holdings.values()),
        "dividends": cash.get("DIVIDEND", 0),
    }
    check(totals["cash"], totals["deposited"], totals["realized"])
    return (
        {name: decimal(value) for name, value in totals.items()}
        | {"symbols": len(holdings), "transactions": len(entries)}
        | {"latest_at": max((each["executed_at"] for each in entries), default=FIRST)},
        {
            symbol: {name: decimal(held[name]) for name in SUMS} | {"last_executed_at": held["last_executed_at"]}
            for symbol, held in holdings.items()
        },
    )


def standing(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what was corrected and what is void; sort by time, then by the first of each chain of corrections."""
    by_id = {row["id"]: row for row in rows}

    def first(row: dict[str, Any]) -> dict[str, Any]:
        while row["corrects"]:
            row = by_id[row["corrects"]]
        return row

    def place(row: dict[str, Any]) -> tuple[datetime, int, int]:
        return row["executed_at"], first(row)["sequence"], first(row)["line"]

    corrected = {row["corrects"] for row in rows}
    return sorted((row for row in rows if row["id"] not in corrected and not row["void"]), key=place)


def hold(lines: list[dict[str, Any]], symbol: str) -> dict[str, Any]:
    held: dict[str, Any] = dict.fromkeys(SUMS, 0)
    for line in lines:
        if line["symbol"] != symbol:
            continue
        quantity, commission, worth = units(line["quantity"]), units(line["commission"]), amount(line)
        match line["kind"]:
            case "BUY":
                held["quantity"] += quantity
                held["cost"] += worth + commission
                held["bought"] += worth
                held["commissions"] += commission
            case "SELL":
                if quantity > held["quantity"]:
                    raise ImpossibleError(line["id"])
                removed = half_even(held["cost"] * quantity, held["quantity"])
                held["quantity"] -= quantity
                held["cost"] -= removed
                held["realized"] += worth - commission - removed
                held["sold"] += worth
                held["commissions"] += commission
            case "SPLIT":
                held["quantity"] = half_even(held["quantity"] * quantity, UNITS)
                if held["quantity"] == 0:
                    raise ImpossibleError(line["id"])
            case "DIVIDEND":
                held["dividends"] += worth - commission
        held["last_executed_at"] = line["executed_at"]
        check(held["quantity"], held["cost"], held["realized"])
    return held


def paid(line: Row) -> int:
    match line["kind"]:
        case "BUY":
            return -amount(line) - units(line["commission"])
        case "WITHDRAWAL" | "FEE":
            return -amount(line)
        case _:
            return amount(line) - units(line["commission"])


def amount(line: Row) -> int:
    return half_even(units(line["quantity"]) * units(line["price"]), UNITS)


def half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2))


def units(value: Decimal) -> int:
    numerator, denominator = (value * UNITS).as_integer_ratio()
    assert denominator == 1, f"{value} has more than 8 decimals"
    return numerator


def decimal(value: int) -> Decimal:
    return Decimal(value).scaleb(-8)


def check(*values: int) -> None:
    if any(abs(value) > LIMIT for value in values):
        raise ImpossibleError


class Offline:
    """All portfolios, from commands whose fields are good: `apply` says whether the ledger has to accept one."""

    def __init__(self) -> None:
        self.names: dict[UUID, tuple[UUID, str]] = {}  # of those that are open: whose, and what it is called
        self.rows: dict[UUID, list[dict[str, Any]]] = {}

    def apply(self, command: Command, sequence: int) -> bool:
        action = command.action
        known = isinstance(action, Create) or self.names.get(action.portfolio, (None, ""))[0] == command.user
        return known and self._apply(command, sequence)

    def _apply(self, command: Command, sequence: int) -> bool:
        action, user = command.action, command.user
        match action:
            case Create():
                return self._name(uuid5(command.id, "portfolio"), user, action.name)
            case Rename():
                return self._name(action.portfolio, user, action.name)
            case Delete():
                return bool(self.names.pop(action.portfolio))
            case Record():
                return self._enter(action.portfolio, [self._row(command, action.fields, sequence, 0)])
            case Import():
                new = [self._row(command, row.fields, sequence, row.line) for row in action.rows]
                return self._enter(action.portfolio, new)
            case Correct():
                return self._correct(action, command, sequence)

    def _name(self, portfolio: UUID, user: UUID, name: str) -> bool:
        taken = {other.lower() for each, (owner, other) in self.names.items() if owner == user and each != portfolio}
        if name.lower() in taken:
            return False
        self.names[portfolio] = (user, name)
        self.rows.setdefault(portfolio, [])
        return True

    def _enter(self, portfolio: UUID, new: list[dict[str, Any]]) -> bool:
        try:
            recompute([*self.rows[portfolio], *new])
        except ImpossibleError:
            return False
        self.rows[portfolio] += new
        return True

    def _row(self, command: Command, fields: Fields, sequence: int, line: int) -> dict[str, Any]:
        portfolio = command.action.portfolio  # type: ignore[union-attr]  # a Create has none, and no fields
        latest = max((row["executed_at"] for row in self.rows[portfolio]), default=FIRST)
        return {
            **fields_of(fields),
            "symbol": fields.symbol or "",
            "quantity": fields.quantity or Decimal(1),
            "price": fields.price or Decimal(0),
            "commission": fields.commission or Decimal(0),
            "executed_at": fields.executed_at or max(command.received_at, latest),
            "note": fields.note or "",
            "id": uuid5(command.id, str(line)),
            "sequence": sequence,
            "line": line,
            "corrects": None,
            "void": False,
        }

    def _correct(self, action: Correct, command: Command, sequence: int) -> bool:
        rows = self.rows[action.portfolio]
        old = next((row for row in rows if row["id"] == action.transaction), None)
        if old is None or any(row["corrects"] == old["id"] for row in rows):
            return False
        marks = {"id": uuid5(command.id, "0"), "sequence": sequence, "line": 0, "corrects": old["id"]}
        if action.fields is None:
            return not old["void"] and self._enter(action.portfolio, [{**old, **marks, "void": True}])
        named = {name: value for name, value in fields_of(action.fields).items() if value is not None}
        if not old["void"] and all(old[name] == value for name, value in named.items()):
            return False
        return self._enter(action.portfolio, [{**old, **named, **marks, "void": False}])


def fields_of(fields: Fields) -> dict[str, Any]:
    return {name: value for name, value in asdict(fields).items() if name != "currency"}
