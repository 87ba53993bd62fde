"""Holdings: what a portfolio has of one instrument, by weighted average cost."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from market.ledger.decimals import ONE, ZERO, check_total, product, share, text
from market.ledger.times import time_text
from market.ledger.transaction import Kind, Transaction
from market.refusal import Refused

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Holding:
    """What the transactions of one symbol come to; money is in the portfolio's currency.

    `cost` is what the shares held were bought for, commissions included; `realized` what sales brought beyond the cost
    of the shares sold, `dividends` what was paid out, both after what was kept back. `bought` and `sold` are amounts
    without, `commissions` those of purchases and sales. To the last digit:
    cost = bought - sold + commissions + realized.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    dividends: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    commissions: Decimal = ZERO
    last_executed_at: datetime = NEVER

    @property
    def average_cost(self) -> Decimal:
        """Cost per share, rounded; 0 where nothing is held."""
        return share(self.cost, ONE, self.quantity) if self.quantity else ZERO

    def after(self, transaction: Transaction) -> "Holding":
        """Return the holding behind `transaction`, which is the next to take effect; raises Refused."""
        match transaction.kind:
            case Kind.BUY:
                changed = self._bought(transaction)
            case Kind.SELL:
                changed = self._sold(transaction)
            case Kind.SPLIT:
                changed = self._split(transaction)
            case _:
                changed = replace(
                    self, dividends=self.dividends + transaction.cash, last_executed_at=self._last(transaction)
                )
        check_total("quantity", changed.quantity)
        check_total("cost", changed.cost)
        check_total("realized", changed.realized)
        return changed

    def _bought(self, transaction: Transaction) -> "Holding":
        amount, commission = transaction.amount, transaction.commission
        return Holding(
            self.quantity + transaction.quantity,
            self.cost + amount + commission,
            self.realized,
            self.dividends,
            self.bought + amount,
            self.sold,
            self.commissions + commission,
            self._last(transaction),
        )

    def _sold(self, transaction: Transaction) -> "Holding":
        quantity, amount, commission = transaction.quantity, transaction.amount, transaction.commission
        if quantity > self.quantity:
            raise _not_enough(self.quantity, transaction)
        removed = share(self.cost, quantity, self.quantity)
        return Holding(
            self.quantity - quantity,
            self.cost - removed,
            self.realized + amount - commission - removed,
            self.dividends,
            self.bought,
            self.sold + amount,
            self.commissions + commission,
            self._last(transaction),
        )

    def _split(self, transaction: Transaction) -> "Holding":
        quantity = product(self.quantity, transaction.quantity)
        if not quantity:
            raise _nothing_to_split(self.quantity, transaction)
        return replace(self, quantity=quantity, last_executed_at=self._last(transaction))

    def _last(self, transaction: Transaction) -> datetime:
        return max(self.last_executed_at, transaction.executed_at)


NOTHING = Holding()


def _not_enough(held: Decimal, transaction: Transaction) -> Refused:
    at = time_text(transaction.executed_at)
    wanted = f"{text(transaction.quantity)} of {transaction.symbol}"
    detail = f"{wanted} cannot be sold at {at}: {text(held)} held then"
    return Refused("not_enough", detail, status=409, field="quantity", held=text(held), at=at)


def _nothing_to_split(held: Decimal, transaction: Transaction) -> Refused:
    at = time_text(transaction.executed_at)
    detail = (
        f"a split of {transaction.symbol} by {text(transaction.quantity)} leaves nothing: {text(held)} held at {at}"
    )
    return Refused("nothing_to_split", detail, status=409, field="quantity", held=text(held), at=at)
