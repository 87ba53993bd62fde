"""What is known of a user's portfolios while commands are decided: as loaded, and as each decision left it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from market.ledger.holding import Holding
from market.ledger.portfolio import Portfolio
from market.ledger.transaction import Transaction, effective


@dataclass(frozen=True, slots=True)
class Changes:
    """What a decision writes: rows as they are from now on.

    `portfolio` is inserted or updated (its `deleted_at` set: closed), `transactions` are inserted, `holdings` by symbol
    are inserted or updated, or deleted where they are None.
    """

    portfolio: Portfolio
    transactions: tuple[Transaction, ...] = ()
    holdings: Mapping[str, Holding | None] = field(default_factory=dict)


class Workbook:
    """One portfolio's holdings and transactions, as far as they are known.

    Nothing that is known is forgotten or overwritten by what is learned: a batch's decisions are newer than any table.
    """

    def __init__(self) -> None:
        self._holdings: dict[str, Holding | None] = {}
        self._rows: defaultdict[str, dict[UUID, Transaction]] = defaultdict(dict)
        self._entries: dict[UUID, Transaction] = {}
        self._corrections: dict[UUID, UUID] = {}
        self._complete: set[str] = set()

    def learn_holdings(self, symbols: Iterable[str], found: Mapping[str, Holding]) -> None:
        """Take the holdings that were looked for and, of those, found."""
        for symbol in symbols:
            self._holdings.setdefault(symbol, found.get(symbol))

    def learn_entries(self, transactions: Iterable[Transaction]) -> None:
        """Take single entries of the portfolio, each with the one that corrects it, if any."""
        for each in transactions:
            self._entries[each.id] = each
            if each.corrects:
                self._corrections[each.corrects] = each.id

    def learn_history(self, symbols: Iterable[str], transactions: Iterable[Transaction]) -> None:
        """Take all entries of some symbols that nothing corrects, in any order."""
        for each in transactions:
            self._rows[each.symbol][each.id] = each
        self._complete.update(symbols)

    def take(self, changes: Changes) -> None:
        """Go on from what was decided."""
        self.learn_entries(changes.transactions)
        for each in changes.transactions:
            self._rows[each.symbol][each.id] = each
        self._holdings.update(changes.holdings)

    def knows(self, symbol: str) -> bool:
        """Tell whether it is known how much of a symbol is held, if any."""
        return symbol in self._holdings

    def has_history(self, symbol: str) -> bool:
        """Tell whether all that takes effect in a symbol is known."""
        return symbol in self._complete

    def holding(self, symbol: str) -> Holding | None:
        """Return what is held of a symbol, None where it has no entry. Raises KeyError where that was never learned."""
        return self._holdings[symbol]

    def history(self, symbol: str) -> list[Transaction]:
        """Return what takes effect in a symbol, in order. Raises KeyError where that was never learned."""
        if symbol not in self._complete:
            raise KeyError(symbol)
        return effective(each for each in self._rows[symbol].values() if each.id not in self._corrections)

    def entry(self, transaction_id: UUID) -> Transaction | None:
        """Return an entry, None where none of this portfolio that was learned has this id."""
        return self._entries.get(transaction_id)

    def correction_of(self, transaction_id: UUID) -> UUID | None:
        """Return the id of the entry that corrects another."""
        return self._corrections.get(transaction_id)


class Account:
    """The portfolios of one user that are open, and what is known of each.

    A `Create` or `Rename` needs all of the user's; any other command its own.
    """

    def __init__(self, portfolios: Iterable[Portfolio] = ()) -> None:
        self.portfolios: dict[UUID, Portfolio] = {each.id: each for each in portfolios}
        self.workbooks: defaultdict[UUID, Workbook] = defaultdict(Workbook)

    def take(self, changes: Changes) -> None:
        """Go on from what was decided."""
        portfolio = changes.portfolio
        if portfolio.deleted_at:
            del self.portfolios[portfolio.id]
        else:
            self.portfolios[portfolio.id] = portfolio
            self.workbooks[portfolio.id].take(changes)
