"""What commands need to be decided, read from the tables: the same for a worker that writes and for a dry run."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from market.ledger.account import Account
from market.ledger.commands import Command
from market.ledger.holding import Holding
from market.ledger.needs import Wanted, history_needed, wanted_by
from market.ledger.portfolio import Portfolio
from market.ledger.transaction import Transaction
from mesh.ledger.rows import Found, holding_of, portfolio_of, transaction_of
from mesh.pool import Connection

# Parts of one statement: each statement costs a turn of both processes. `{lock}` is of the worker, which writes.
PARTS = """
    ARRAY(
        SELECT p FROM portfolios p
        WHERE p.deleted_at IS NULL AND (p.id = ANY($1::uuid[]) OR p.user_id = ANY($2::uuid[])) {lock}
    ) AS portfolios,
    ARRAY(
        SELECT h FROM unnest($3::uuid[], $4::text[]) AS wanted (portfolio_id, symbol)
        JOIN holdings h ON h.portfolio_id = wanted.portfolio_id AND h.symbol = wanted.symbol
    ) AS holdings,
    ARRAY(
        SELECT t FROM transactions t WHERE t.id = ANY($5::uuid[]) OR t.corrects = ANY($5::uuid[])
    ) AS transactions
"""
_READ = f"SELECT {PARTS.format(lock='')}"  # no value is in it
_HISTORY = """
    SELECT t.* FROM transactions t
    WHERE t.portfolio_id = $1 AND t.symbol = ANY($2::text[])
    AND NOT EXISTS (SELECT FROM transactions c WHERE c.corrects = t.id)
"""
_HOLDINGS = "SELECT * FROM holdings WHERE portfolio_id = $1 AND symbol = ANY($2::text[])"


class Wants:
    """What a batch of commands wants to know, and whose it is once it is found."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self._wanted: list[tuple[UUID, Wanted]] = [(command.user, wanted_by(command)) for command in commands]

    @property
    def parameters(self) -> tuple[Sequence[object], ...]:
        """The values of PARTS, $1 to $5."""
        held = {(each.portfolio, symbol) for _, each in self._wanted for symbol in each.symbols}
        return (
            list({each.portfolio for _, each in self._wanted if each.portfolio}),
            list({user for user, each in self._wanted if not each.portfolio}),
            [portfolio for portfolio, _ in held],
            [symbol for _, symbol in held],
            list({each.transaction for _, each in self._wanted if each.transaction}),
        )

    def accounts(self, found: Found) -> Mapping[UUID, Account]:
        """Make each user's account of what PARTS gave; what is asked of another's portfolio, no account refers to."""
        owned: defaultdict[UUID, list[Portfolio]] = defaultdict(list)
        holdings: defaultdict[UUID, dict[str, Holding]] = defaultdict(dict)
        transactions: defaultdict[UUID, list[Transaction]] = defaultdict(list)
        for row in found["portfolios"]:
            owned[row["user_id"]].append(portfolio_of(row))
        for row in found["holdings"]:
            holdings[row["portfolio_id"]][row["symbol"]] = holding_of(row)
        for row in found["transactions"]:
            transactions[row["portfolio_id"]].append(transaction_of(row))
        accounts = {user: Account(owned[user]) for user, _ in self._wanted}
        for user, each in self._wanted:
            if each.portfolio is not None:  # one that this very batch opens included
                workbook = accounts[user].workbooks[each.portfolio]
                workbook.learn_holdings(each.symbols, holdings[each.portfolio])
                workbook.learn_entries(transactions[each.portfolio])
        return accounts


async def read_account(connection: Connection, command: Command) -> Account:
    """Read what one command needs to be decided, without a lock."""
    wants = Wants([command])
    account = wants.accounts(await connection.fetchrow(_READ, *wants.parameters))[command.user]
    await learn_history(connection, command, account)
    return account


async def learn_history(connection: Connection, command: Command, account: Account) -> bool:
    """Let an account learn the past that a command reaches back into; tell whether it does, which is seldom."""
    portfolio, needed = wanted_by(command).portfolio, history_needed(command, account)
    if portfolio is None or not needed:
        return False
    workbook = account.workbooks[portfolio]
    if unknown := [symbol for symbol in sorted(needed) if not workbook.knows(symbol)]:
        found = await connection.fetch(_HOLDINGS, portfolio, unknown)
        workbook.learn_holdings(unknown, {row["symbol"]: holding_of(row) for row in found})
    if untold := [symbol for symbol in sorted(needed) if not workbook.has_history(symbol)]:
        rows = await connection.fetch(_HISTORY, portfolio, untold)
        await asyncio.to_thread(workbook.learn_history, untold, map(transaction_of, rows))  # there may be 250,000
    return True
