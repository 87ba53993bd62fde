"""Entering: a command's fields become a transaction, under an id that is a function of the command."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from uuid import uuid5

from market.ledger.commands import MAX_ROWS, Command, Correct, Row
from market.ledger.fields import check_currency, check_executed_at, entry_of, kept
from market.ledger.portfolio import Portfolio
from market.ledger.transaction import Transaction
from market.refusal import Refused, invalid


def entered(row: Row, portfolio: Portfolio, command: Command, sequence: int) -> Transaction:
    """Make a new transaction; one without a time comes after all that is there. Raises Refused."""
    entry = entry_of(row.fields)
    check_currency(row.fields, portfolio.currency)
    if entry.executed_at:
        check_executed_at(entry.executed_at, command.received_at)
    return Transaction(
        id=uuid5(command.id, str(row.line)),
        kind=entry.kind,
        symbol=entry.symbol,
        quantity=entry.quantity,
        price=entry.price,
        commission=entry.commission,
        executed_at=entry.executed_at or max(command.received_at, portfolio.totals.latest_at),
        recorded_at=command.received_at,
        sequence=sequence,
        line=row.line,
        place_sequence=sequence,
        place_line=row.line,
        note=entry.note,
    )


def correcting(
    action: Correct, corrected: Transaction, portfolio: Portfolio, command: Command, sequence: int
) -> Transaction:
    """Make the transaction that takes the place of another, or leaves it empty. Raises Refused."""
    if action.fields is None:
        if corrected.void:
            raise Refused("already_void", f"transaction {corrected.id} is void already", 409)
        new = replace(corrected, void=True)
    else:
        entry = entry_of(kept(action.fields, corrected))
        check_currency(action.fields, portfolio.currency)
        if action.fields.executed_at:
            check_executed_at(action.fields.executed_at, command.received_at)
        new = replace(
            corrected,
            kind=entry.kind,
            symbol=entry.symbol,
            quantity=entry.quantity,
            price=entry.price,
            commission=entry.commission,
            executed_at=entry.executed_at or corrected.executed_at,
            void=False,
            note=entry.note,
        )
        if new == corrected:
            raise Refused("no_change", f"nothing is different from transaction {corrected.id}")
    return replace(
        new,
        id=uuid5(command.id, "0"),
        recorded_at=command.received_at,
        sequence=sequence,
        line=0,
        corrects=corrected.id,
    )


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse a file that is empty, too long, or whose lines do not rise (their numbers become ids)."""
    if not 1 <= len(rows) <= MAX_ROWS:
        raise invalid("rows", f"the file has {len(rows)} transactions; it has from 1 to {MAX_ROWS}", maximum=MAX_ROWS)
    lines = [row.line for row in rows]
    if lines[0] < 1 or any(later <= earlier for earlier, later in pairwise(lines)):
        raise invalid("rows", "the numbers of lines do not rise from 1")
