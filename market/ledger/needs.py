"""What a command needs to be known before it can be decided, so that a worker loads that and no more."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from market.ledger.account import Account, Workbook
from market.ledger.commands import Command, Correct, Create, Delete, Fields, Import, Record, Rename
from market.ledger.posting import is_backdated
from market.symbols import SymbolError, SymbolKey


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to load for a command.

    `portfolio`: this one if it is open and the user's; None: all of the user's that are open. `symbols`: the holdings
    of these. `transaction`: this entry of the portfolio, and the one that corrects it.
    """

    portfolio: UUID | None = None
    symbols: frozenset[str] = frozenset()
    transaction: UUID | None = None


def wanted_by(command: Command) -> Wanted:
    """Say what to load for a command, from the command alone."""
    action = command.action
    match action:
        case Create() | Rename():
            return Wanted()
        case Delete(portfolio):
            return Wanted(portfolio)
        case Correct(portfolio, transaction, fields):
            return Wanted(portfolio, _symbols((fields,) if fields else ()), transaction)
        case _:
            return Wanted(action.portfolio, _symbols(_fields(action)))


def history_needed(command: Command, account: Account) -> frozenset[str]:
    """Say of which symbols `decide` must know all that takes effect, and the holding; mostly of none.

    A new entry needs it where it stands before another of its symbol; a correction, and what is corrected, always.
    `account` has what `wanted_by` asked for; a Create, Rename or Delete needs nothing.
    """
    action = command.action
    if isinstance(action, Create | Rename | Delete) or action.portfolio not in account.portfolios:
        return frozenset()
    workbook = account.workbooks[action.portfolio]
    if isinstance(action, Correct):
        corrected = workbook.entry(action.transaction)
        if corrected is None:
            return frozenset()
        symbols = _symbols((action.fields,) if action.fields else ())
        return symbols | {corrected.symbol} if corrected.symbol else symbols
    return _symbols(each for each in _fields(action) if _stands_before_another(each, workbook))


def _fields(action: Record | Import) -> list[Fields]:
    return [action.fields] if isinstance(action, Record) else [row.fields for row in action.rows]


def _stands_before_another(fields: Fields, workbook: Workbook) -> bool:
    symbol, kind, executed_at = fields.symbol, fields.kind, fields.executed_at
    if not symbol or not kind or not executed_at or not workbook.knows(symbol):
        return False
    return is_backdated(workbook, symbol, kind, executed_at)


def _symbols(several: Iterable[Fields]) -> frozenset[str]:
    """Leave out what is no symbol: the command is refused before anything is asked about it."""
    return frozenset(each.symbol for each in several if each.symbol and _is_symbol(each.symbol))


def _is_symbol(symbol: str) -> bool:
    try:
        SymbolKey.parse(symbol)
    except SymbolError:
        return False
    return True
