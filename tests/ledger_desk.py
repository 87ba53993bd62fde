"""A user at a desk: commands one by one to a ledger in memory."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from market.ledger.commands import Action, Command, Correct, Create, Fields, Import, Record, Row
from market.ledger.holding import Holding
from market.ledger.portfolio import Totals
from market.ledger.transaction import Kind
from tests.ledger_tables import Tables

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
USER, STRANGER = UUID(int=1), UUID(int=2)
A, B = "XNAS:A", "XNAS:B"


class Desk:
    """A portfolio called Main, and commands to it a second apart, each a batch of its own."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.main = UUID(self.ask(Create("Main", "USD"), 201)["id"])

    def ask(self, action: Action, status: int, user: UUID = USER) -> dict[str, Any]:
        at = len(self.tables.answers) + 1
        self.tables.apply([(at, Command(UUID(int=at), user, START + timedelta(seconds=at), action))])
        answer = self.tables.answers[-1]
        assert answer.status == status, answer
        return answer.body

    def enter(
        self, kind: Kind, quantity: str | None = None, price: str | None = None, at: int | None = None, **named: object
    ) -> UUID:
        return UUID(self.ask(Record(self.main, made(kind, quantity, price, at, **named)), 201)["id"])

    def refuse(
        self,
        kind: Kind,
        quantity: str | None = None,
        price: str | None = None,
        at: int | None = None,
        status: int = 409,
        **named: object,
    ) -> dict[str, Any]:
        return self.ask(Record(self.main, made(kind, quantity, price, at, **named)), status)

    def correct(self, transaction: UUID, fields: Fields | None, status: int = 201) -> dict[str, Any]:
        return self.ask(Correct(self.main, transaction, fields), status)

    def load(self, *fields: Fields, status: int = 201) -> dict[str, Any]:
        rows = tuple(Row(line, each) for line, each in enumerate(fields, start=2))
        return self.ask(Import(self.main, rows), status)

    @property
    def held(self) -> dict[str, Holding]:
        return self.tables.holdings[self.main]

    @property
    def totals(self) -> Totals:
        return self.tables.portfolios[self.main].totals


def made(
    kind: Kind, quantity: str | None = None, price: str | None = None, at: int | None = None, **named: object
) -> Fields:
    """Fields of a transaction in A, executed a number of seconds after the start."""
    about = {"symbol": A, "currency": "USD"} if kind.has_symbol else {}
    numbers = {name: Decimal(value) for name, value in (("quantity", quantity), ("price", price)) if value}
    time = {} if at is None else {"executed_at": START + timedelta(seconds=at)}
    return Fields(kind, **{**about, **numbers, **time, **named})  # type: ignore[arg-type]
