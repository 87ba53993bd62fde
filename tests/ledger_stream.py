"""Streams of commands for tests of the ledger: good fields, few symbols and times, so that most depends on order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar
from uuid import UUID, uuid5

from market.ledger.commands import Action, Command, Correct, Create, Delete, Fields, Import, Record, Rename, Row
from market.ledger.transaction import CASH_KINDS, Kind

T = TypeVar("T")
START = datetime(2026, 3, 2, 15, tzinfo=UTC)
USERS = (UUID(int=1), UUID(int=2))
SYMBOLS = ("XNAS:A", "XNAS:BRK.B")
QUANTITIES = ("0.00000001", "0.33333333", "1", "2.5", "3", "7", "899")
PRICES = ("0.00000001", "0.07", "9.99", "33.33333333", "100", "99999999")
RATIOS = ("2", "3", "0.5", "0.33333333", "1.00000001", "0.00000001")
KINDS = (*[Kind.BUY] * 5, *[Kind.SELL] * 4, *Kind)


class Stream:
    """Make commands that follow each other on LEDGER."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._portfolios = [UUID(int=99)]  # one that there is not, and all that were asked for
        self._entries: list[tuple[UUID, UUID, Kind]] = []  # all that were asked for: portfolio, transaction, kind
        self._count = 0

    def commands(self, count: int) -> list[Command]:
        """Make a portfolio for the first user, then anything, mostly in that."""
        first = self._command(Create("first", "USD"))
        return [first, *(self._command(self._action()) for _ in range(count))]

    def _command(self, action: Action) -> Command:
        self._count += 1
        command_id = UUID(int=self._count << 64)
        match action:
            case Create():
                self._portfolios.append(uuid5(command_id, "portfolio"))
            case Record(portfolio, fields):
                self._note(portfolio, command_id, 0, fields)
            case Import(portfolio, rows):
                for row in rows:
                    self._note(portfolio, command_id, row.line, row.fields)
            case Correct(portfolio, corrected, fields):
                kind = next(kind for _, transaction, kind in self._entries if transaction == corrected)
                self._note(portfolio, command_id, 0, fields if fields and fields.kind else Fields(kind))
        skew = timedelta(seconds=self._pick((0, 0, 0, -3, 3)))
        user = USERS[self._random.random() < 0.03]
        return Command(command_id, user, START + timedelta(seconds=self._count) + skew, action)

    def _note(self, portfolio: UUID, command_id: UUID, line: int, fields: Fields) -> None:
        assert fields.kind
        self._entries.append((portfolio, uuid5(command_id, str(line)), fields.kind))

    def _action(self) -> Action:
        portfolio = self._portfolios[1] if self._random.random() < 0.8 else self._pick(self._portfolios)
        name = self._pick(("first", "Second", "third", "FIRST"))
        match self._random.randrange(40):
            case 0:
                return Create(name, "USD")
            case 1:
                return Rename(portfolio, name)
            case 2:
                return Delete(self._pick((self._portfolios[0], *self._portfolios[2:])))
            case number if number < 12 and self._entries:
                return self._correct()
            case number if number < 16:
                lines = sorted(self._random.sample(range(2, 9), self._random.randrange(1, 5)))
                return Import(portfolio, tuple(Row(line, self.fields()) for line in lines))
            case _:
                return Record(portfolio, self.fields())

    def fields(self) -> Fields:
        """Make the fields of one transaction."""
        return replace(self._fields(), note=self._pick((None, None, 'n\u00f6te; "quoted", twice')))

    def _fields(self) -> Fields:
        kind, executed_at = self._pick(KINDS), self._time()
        if kind in CASH_KINDS:
            return Fields(kind, price=Decimal(self._pick(PRICES)), executed_at=executed_at)
        symbol = self._pick(SYMBOLS)
        if kind is Kind.SPLIT:
            return Fields(kind, symbol, Decimal(self._pick(RATIOS)), executed_at=executed_at, currency="USD")
        quantity, price = Decimal(self._pick(QUANTITIES)), Decimal(self._pick(PRICES))
        commission = Decimal(self._pick(("0", "0.00000001", "1.25")))
        if kind is Kind.DIVIDEND:
            quantity, price, commission = quantity + 1, price + 1, min(commission, Decimal(1))
        return Fields(kind, symbol, quantity, price, commission, executed_at, currency="USD")

    def _correct(self) -> Correct:
        portfolio, transaction, kind = self._pick(self._entries[-12:])
        return Correct(portfolio, transaction, None if self._random.random() < 0.3 else self._other(kind))

    def _other(self, kind: Kind) -> Fields:
        """Make fields that can take the place of those of a kind."""
        executed_at = self._time() if self._random.random() < 0.5 else None
        price = Decimal(self._pick(PRICES)) + (kind is Kind.DIVIDEND)
        if kind in CASH_KINDS:
            return Fields(self._pick(sorted(CASH_KINDS)), price=price, executed_at=executed_at)
        symbol = self._pick((None, *SYMBOLS))
        currency = "USD" if symbol else None
        if kind is Kind.SPLIT:
            return Fields(None, symbol, Decimal(self._pick(RATIOS)), executed_at=executed_at, currency=currency)
        if kind is Kind.DIVIDEND:
            return Fields(None, symbol, price=self._pick((None, price)), executed_at=executed_at, currency=currency)
        return Fields(
            self._pick((None, Kind.BUY, Kind.SELL)),
            symbol,
            self._pick((None, Decimal(self._pick(QUANTITIES)))),
            self._pick((None, price)),
            executed_at=executed_at,
            currency=currency,
        )

    def _time(self) -> datetime | None:
        """Make one of few times, or none, which is now."""
        return self._pick((None, None, *(START + timedelta(seconds=each) for each in range(-4, 1))))

    def _pick(self, several: Sequence[T]) -> T:
        return self._random.choice(several)
