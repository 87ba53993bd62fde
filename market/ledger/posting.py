"""Posting: what entries make of a portfolio's holdings and totals, wherever in the effective order they stand."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from market.ledger.account import Changes, Workbook
from market.ledger.commands import MAX_SYMBOLS, MAX_TRANSACTIONS
from market.ledger.decimals import check_total
from market.ledger.holding import NOTHING, Holding
from market.ledger.portfolio import Portfolio
from market.ledger.transaction import Kind, Transaction
from market.refusal import Refused

Holdings = dict[str, Holding | None]
Problems = list[tuple[int, Refused]]  # by the line of the entry that is refused


def is_backdated(workbook: Workbook, symbol: str, kind: Kind, executed_at: datetime) -> bool:
    """Tell whether the effect of a new entry depends on others that take effect after it."""
    held = workbook.holding(symbol)
    return kind.depends_on_order and held is not None and executed_at < held.last_executed_at


def holdings_after(
    workbook: Workbook, entries: Sequence[Transaction], corrected: Transaction | None = None
) -> tuple[Holdings, Problems]:
    """Say what becomes of the holdings that new entries touch, and which of the entries cannot stand.

    The entries come in any order; `corrected` is what they take the place of. A holding is None where nothing of its
    symbol takes effect any more. An entry that cannot stand is left out, so that those behind it are judged as well.
    """
    holdings: Holdings = {}
    problems: Problems = []
    for symbol, new in _by_symbol(entries, corrected).items():
        if corrected or any(is_backdated(workbook, symbol, each.kind, each.executed_at) for each in new):
            start, order = NOTHING, _merged(workbook.history(symbol), new, corrected)
        else:
            start, order = workbook.holding(symbol) or NOTHING, sorted(new, key=lambda each: each.place)
        if order:
            holdings[symbol] = _run(start, order, {each.id for each in new}, problems)
        elif workbook.holding(symbol):
            holdings[symbol] = None
    return holdings, sorted(problems, key=lambda problem: problem[0])


def changes_of(
    portfolio: Portfolio,
    workbook: Workbook,
    holdings: Mapping[str, Holding | None],
    entries: Sequence[Transaction],
    corrected: Transaction | None = None,
) -> Changes:
    """Return what entries and the holdings they lead to change in all; raises Refused where a total has no room."""
    totals = portfolio.totals.with_sums(
        entered=(each for each in entries if not each.void),
        left=() if corrected is None or corrected.void else (corrected,),
    )
    realized, symbols = totals.realized, totals.symbols
    for symbol, after in holdings.items():
        before = workbook.holding(symbol)
        realized += (after or NOTHING).realized - (before or NOTHING).realized
        symbols += (after is not None) - (before is not None)
    totals = replace(
        totals,
        realized=realized,
        symbols=symbols,
        transactions=totals.transactions + len(entries),
        latest_at=max(totals.latest_at, *(each.executed_at for each in entries)),
    )
    check_total("cash", totals.cash)
    check_total("deposited", totals.deposited)
    check_total("realized", totals.realized)
    _check_count("symbols", totals.symbols, MAX_SYMBOLS)
    _check_count("transactions", totals.transactions, MAX_TRANSACTIONS)
    return Changes(replace(portfolio, totals=totals, revision=entries[-1].sequence), tuple(entries), holdings)


def _by_symbol(entries: Iterable[Transaction], corrected: Transaction | None) -> dict[str, list[Transaction]]:
    groups: defaultdict[str, list[Transaction]] = defaultdict(list)
    if corrected and corrected.symbol:
        groups[corrected.symbol] = []
    for each in entries:
        if each.symbol and not each.void:
            groups[each.symbol].append(each)
    return groups


def _merged(
    history: Iterable[Transaction], new: Iterable[Transaction], corrected: Transaction | None
) -> list[Transaction]:
    stays = [each for each in history if corrected is None or each.id != corrected.id]
    return sorted((*stays, *new), key=lambda each: each.place)


def _run(holding: Holding, order: Iterable[Transaction], new: Collection[UUID], problems: Problems) -> Holding:
    blamed = None
    for each in order:
        try:
            holding = holding.after(each)
        except Refused as refused:
            if each.id not in new:
                problems.append((blamed.line if blamed else 0, _because_of(each, refused)))
                break
            problems.append((each.line, refused))
        else:
            if each.id in new and (blamed is None or each.kind is not Kind.BUY):
                blamed = each
    return holding


def _because_of(standing: Transaction, refused: Refused) -> Refused:
    detail = f"{refused.detail}, which transaction {standing.id} needs"
    bounds = {**refused.bounds, "transaction": str(standing.id)}
    return Refused(refused.code, detail, status=409, field=refused.field, **bounds)


def _check_count(name: str, count: int, most: int) -> None:
    if count > most:
        detail = f"the portfolio would have {count} {name}; the limit is {most}"
        raise Refused(f"too_many_{name}", detail, 409, maximum=most)
