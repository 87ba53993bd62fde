"""A batch holds no more than a transaction should, and no command twice or never."""

from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from market.ledger.commands import Fields, Import, Record, Row
from market.ledger.transaction import Kind
from mesh.actor.reader import Delivery
from mesh.ledger.codec import encode_command
from tests.portfolio_worker import command
from workers.portfolio.apply import MAX_ROWS, Numbered, numbered, portions

FEE = Fields(Kind.FEE, price=Decimal(1))
PORTFOLIO = UUID(int=5)


def made(sequence: int, rows: int) -> Numbered:
    many = tuple(Row(2 + place, FEE) for place in range(rows))
    action = Import(PORTFOLIO, many) if rows != 1 else Record(PORTFOLIO, FEE)
    return numbered(Delivery(sequence, "", 0, encode_command(command(uuid4(), action))))


SIZES = {rows: made(0, rows) for rows in (1, 2, 1000, 4999, 5000)}


def rows_of(each: Numbered) -> int:
    action = each.command.action if each.command is not None else None
    return len(action.rows) if isinstance(action, Import) else 1


@given(st.lists(st.sampled_from(sorted(SIZES)), max_size=40))
def test_commands_are_divided_in_their_order(sizes: list[int]) -> None:
    commands = [SIZES[size] for size in sizes]
    divided = list(portions(commands))
    assert [each for portion in divided for each in portion] == commands
    rows = [sum(map(rows_of, portion)) for portion in divided]
    assert all(count <= MAX_ROWS for count in rows)
    assert all(before + rows_of(portion[0]) > MAX_ROWS for before, portion in zip(rows, divided[1:], strict=False))


def test_what_cannot_be_read_counts_as_one() -> None:
    (portion,) = portions([numbered(Delivery(number, "", 1_000_000_000, b"?")) for number in range(3)])
    assert list(map(len, portions(portion[:1] * (MAX_ROWS + 1)))) == [MAX_ROWS, 1]
    assert len({each.id for each in portion}) == 3
    assert portion[0] == numbered(Delivery(0, "", 1_000_000_000, b"?"))
