"""Books: all holdings and totals of a portfolio, from all of its entries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from market.ledger.holding import NEVER, NOTHING, Holding
from market.ledger.portfolio import Totals
from market.ledger.transaction import Transaction, effective


@dataclass(frozen=True, slots=True)
class Book:
    """What a portfolio's entries come to: its totals, and its holdings by symbol."""

    totals: Totals
    holdings: Mapping[str, Holding]

    @classmethod
    def of(cls, transactions: Iterable[Transaction]) -> "Book":
        """Fold a portfolio's entries, given in any order; what corrects one of them has to be among them.

        Those with an `executed_at` up to any time make the book as it was then, by what is known now. Raises Refused
        where they are not of one ledger: what was accepted can be folded.
        """
        entries = list(transactions)
        taking_effect = effective(entries)
        holdings: dict[str, Holding] = {}
        for each in taking_effect:
            if each.symbol:
                holdings[each.symbol] = holdings.get(each.symbol, NOTHING).after(each)
        totals = replace(
            Totals().with_sums(taking_effect, ()),
            realized=sum((each.realized for each in holdings.values()), Totals().realized),
            symbols=len(holdings),
            transactions=len(entries),
            latest_at=max((each.executed_at for each in entries), default=NEVER),
        )
        return cls(totals, holdings)
