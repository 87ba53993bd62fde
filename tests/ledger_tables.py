"""The tables of the ledger in memory, and a worker that loads no more of them than it is told to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from market.answer import Answer
from market.ledger.account import Account, Changes
from market.ledger.commands import Command
from market.ledger.decide import decide
from market.ledger.holding import Holding
from market.ledger.needs import history_needed, wanted_by
from market.ledger.portfolio import Portfolio
from market.ledger.transaction import Transaction


class Tables:
    """What commands come to, applied in batches: each is decided from what was written before it, then written."""

    def __init__(self) -> None:
        self.portfolios: dict[UUID, Portfolio] = {}
        self.transactions: defaultdict[UUID, dict[UUID, Transaction]] = defaultdict(dict)
        self.holdings: defaultdict[UUID, dict[str, Holding]] = defaultdict(dict)
        self.answers: list[Answer] = []

    def apply(self, batch: Sequence[tuple[int, Command]]) -> None:
        accounts = {user: Account(self._open(user)) for user in {command.user for _, command in batch}}
        for _, command in batch:
            self._load(command, accounts[command.user])
        changes = [self._decide(sequence, command, accounts[command.user]) for sequence, command in batch]
        for each in changes:
            if each:
                self._write(each)

    def _open(self, user: UUID) -> Iterable[Portfolio]:
        return (each for each in self.portfolios.values() if each.user == user and not each.deleted_at)

    def _load(self, command: Command, account: Account) -> None:
        wanted = wanted_by(command)
        if wanted.portfolio:
            workbook, rows = account.workbooks[wanted.portfolio], self.transactions[wanted.portfolio]
            workbook.learn_holdings(wanted.symbols, self.holdings[wanted.portfolio])
            asked = [each for each in rows.values() if wanted.transaction in (each.id, each.corrects)]
            workbook.learn_entries(asked if wanted.transaction else ())

    def _decide(self, sequence: int, command: Command, account: Account) -> Changes | None:
        for symbol in history_needed(command, account):
            portfolio = command.action.portfolio  # type: ignore[union-attr]  # a Create needs no history
            rows = self.transactions[portfolio].values()
            corrected = {each.corrects for each in rows}
            workbook = account.workbooks[portfolio]
            workbook.learn_holdings([symbol], self.holdings[portfolio])
            workbook.learn_history([symbol], (e for e in rows if e.symbol == symbol and e.id not in corrected))
        decision = decide(command, sequence, account)
        assert decide(command, sequence, account) == decision, "to decide changes nothing"
        self.answers.append(decision.answer)
        if decision.changes:
            account.take(decision.changes)
        return decision.changes

    def _write(self, changes: Changes) -> None:
        key = changes.portfolio.id
        self.portfolios[key] = changes.portfolio
        assert not self.transactions[key].keys() & {each.id for each in changes.transactions}
        self.transactions[key].update((each.id, each) for each in changes.transactions)
        self.holdings[key].update((symbol, held) for symbol, held in changes.holdings.items() if held)
        for symbol in (symbol for symbol, held in changes.holdings.items() if not held):
            del self.holdings[key][symbol]
