"""What a command changes and what it is answered with: a function of the command and of what was before, of no more.

A worker does, for each command of a batch, in the order of LEDGER:

    wanted = wanted_by(command)                 # load the portfolio or portfolios, these holdings, this entry
    symbols = history_needed(command, account)  # load what takes effect in these symbols; mostly there are none
    decision = decide(command, sequence, account)
    if decision.changes:
        account.take(decision.changes)
"""

import re
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from market.answer import Answer
from market.ledger.account import Account, Changes
from market.ledger.answers import portfolio_body, transaction_body
from market.ledger.commands import MAX_PORTFOLIOS, Command, Correct, Create, Delete, Import, Record, Rename, Row
from market.ledger.enter import check_rows, correcting, entered
from market.ledger.fields import is_plain
from market.ledger.portfolio import Portfolio
from market.ledger.posting import changes_of, holdings_after
from market.ledger.transaction import Transaction
from market.refusal import MAX_PROBLEMS, LineProblem, Refused, invalid

MAX_NAME_CHARACTERS = 80

_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a command, and what to write before it is given; None where nothing changes."""

    answer: Answer
    changes: Changes | None = None


def decide(command: Command, sequence: int, account: Account) -> Decision:
    """Decide a command with its sequence on LEDGER.

    `account` is that of the command's user, knows what `needs` says, and is not changed. Raises KeyError where it does
    not know that, which is a mistake of the caller.
    """
    try:
        return _decide(command, sequence, account)
    except Refused as refused:
        return Decision(Answer(refused.status, refused.body()))


def read_name(given: str) -> str:
    """Give a portfolio's name without spaces around it; raises Refused where no portfolio can be called that."""
    name = given.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not is_plain(name):
        detail = f"name has {len(name)} characters; it has from 1 to {MAX_NAME_CHARACTERS}, none of them a control"
        raise invalid("name", detail, maximum=MAX_NAME_CHARACTERS)
    return name


def check_code(currency: str) -> None:
    """Refuse what cannot be a currency's code."""
    if not _CURRENCY.fullmatch(currency):
        raise invalid("currency", f"currency {currency[:40]!r} is not an ISO 4217 code: three capital letters")


def _decide(command: Command, sequence: int, account: Account) -> Decision:
    action = command.action
    match action:
        case Create():
            return _create(action, command, sequence, account)
        case Rename():
            return _rename(action, sequence, account)
        case Delete():
            return _delete(action, command, sequence, account)
        case Record():
            return _record(action, command, sequence, account)
        case Correct():
            return _correct(action, command, sequence, account)
        case _:
            return _import(action, command, sequence, account)


def _create(action: Create, command: Command, sequence: int, account: Account) -> Decision:
    name = _free_name(action.name, account, None)
    check_code(action.currency)
    if len(account.portfolios) >= MAX_PORTFOLIOS:
        detail = f"there are {len(account.portfolios)} portfolios; the limit is {MAX_PORTFOLIOS}"
        raise Refused("too_many_portfolios", detail, 409, maximum=MAX_PORTFOLIOS)
    portfolio = Portfolio(
        uuid5(command.id, "portfolio"), command.user, name, action.currency, command.received_at, sequence
    )
    return Decision(Answer(201, portfolio_body(portfolio)), Changes(portfolio))


def _rename(action: Rename, sequence: int, account: Account) -> Decision:
    portfolio = _open(account, action.portfolio)
    portfolio = replace(portfolio, name=_free_name(action.name, account, portfolio.id), revision=sequence)
    return Decision(Answer(200, portfolio_body(portfolio)), Changes(portfolio))


def _delete(action: Delete, command: Command, sequence: int, account: Account) -> Decision:
    portfolio = replace(_open(account, action.portfolio), deleted_at=command.received_at, revision=sequence)
    return Decision(Answer(204, {}), Changes(portfolio))


def _record(action: Record, command: Command, sequence: int, account: Account) -> Decision:
    portfolio = _open(account, action.portfolio)
    new = entered(Row(0, action.fields), portfolio, command, sequence)
    return Decision(Answer(201, transaction_body(new)), _changes(portfolio, account, new))


def _correct(action: Correct, command: Command, sequence: int, account: Account) -> Decision:
    portfolio = _open(account, action.portfolio)
    workbook = account.workbooks[portfolio.id]
    corrected = workbook.entry(action.transaction)
    if corrected is None:
        raise Refused("unknown_transaction", "the portfolio has no such transaction", 404)
    if by := workbook.correction_of(corrected.id):
        detail = f"transaction {corrected.id} was corrected by {by}; correct that one"
        raise Refused("already_corrected", detail, 409, correction=str(by))
    new = correcting(action, corrected, portfolio, command, sequence)
    return Decision(Answer(201, transaction_body(new)), _changes(portfolio, account, new, corrected))


def _import(action: Import, command: Command, sequence: int, account: Account) -> Decision:
    portfolio = _open(account, action.portfolio)
    check_rows(action.rows)
    new: list[Transaction] = []
    problems: list[tuple[int, Refused]] = []
    for row in action.rows:
        try:
            new.append(entered(row, portfolio, command, sequence))
        except Refused as refused:
            problems.append((row.line, refused))
    workbook = account.workbooks[portfolio.id]
    holdings, refusals = holdings_after(workbook, new)
    if problems or refusals:
        return _bad_lines(len(action.rows), [*problems, *refusals])
    changes = changes_of(portfolio, workbook, holdings, new)
    return Decision(Answer(201, {"rows": len(new), "problems": [], "revision": sequence}), changes)


def _changes(portfolio: Portfolio, account: Account, new: Transaction, corrected: Transaction | None = None) -> Changes:
    workbook = account.workbooks[portfolio.id]
    holdings, problems = holdings_after(workbook, [new], corrected)
    for _, refused in problems:
        raise refused
    return changes_of(portfolio, workbook, holdings, [new], corrected)


def _bad_lines(rows: int, refused: list[tuple[int, Refused]]) -> Decision:
    problems = sorted(LineProblem.of(line, each) for line, each in refused)[:MAX_PROBLEMS]
    detail = f"{len(refused)} of {rows} transactions cannot be entered; none was"
    named = [each._asdict() for each in problems]
    return Decision(Answer(422, {"code": "bad_lines", "detail": detail, "rows": rows, "problems": named}))


def _open(account: Account, portfolio_id: UUID) -> Portfolio:
    portfolio = account.portfolios.get(portfolio_id)
    if portfolio is None:
        raise Refused("unknown_portfolio", "there is no such portfolio", 404)
    return portfolio


def _free_name(given: str, account: Account, own: UUID | None) -> str:
    name = read_name(given)
    others = (each for each in account.portfolios.values() if each.id != own)
    if any(each.name.casefold() == name.casefold() for each in others):
        raise Refused("name_taken", f"another portfolio is called {name!r}", 409, field="name")
    return name
