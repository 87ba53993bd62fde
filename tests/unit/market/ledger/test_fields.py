"""Fields of transactions: what is read, what is completed, and what each refusal names."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from market.ledger.commands import Fields
from market.ledger.fields import Entry, check_currency, check_executed_at, entry_of, kept, read_fields
from market.ledger.times import parse_time, time_text
from market.ledger.transaction import Kind, Transaction
from market.refusal import Refused

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BUY = Fields(Kind.BUY, "XNAS:A", Decimal(2), Decimal("10.5"), currency="USD")
SOLD = Transaction(
    UUID(int=1), Kind.SELL, "XNAS:A", Decimal(2), Decimal(10), Decimal(1), NOON, NOON, 7, 0, 7, 0, note="old"
)


def test_text_and_numbers_are_read() -> None:
    given = {"type": "buy", "symbol": " XNAS:A ", "quantity": "2", "price": Decimal("10.5"), "commission": 1}
    told = {"executed_at": "2026-03-02 13:00+01:00", "note": " as told ", "currency": "USD"}
    assert read_fields({**given, **told}) == Fields(
        Kind.BUY, "XNAS:A", Decimal(2), Decimal("10.5"), Decimal(1), NOON, "as told", "USD"
    )
    assert read_fields(dict.fromkeys(given, "")) == Fields()
    assert read_fields({"note": " "}) == Fields(note="")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "SHORT"),
        *(("quantity", value) for value in ("x", "1,5", "1_0", "٣", "NaN", "0x1", "1e999", "-", ".", "0.123456789")),
        *(("quantity", value) for value in (True, "90000000000.00000001", "1e11", "9" * 50)),
        *(("executed_at", value) for value in ("noon", "2026-02-30", "2026-W10-1", "2026-03-02T25:00", "20260302")),
        *(("executed_at", value) for value in ("9999-12-31T23:59-01:00", "2026-03-02T12:00:00.1234567Z")),
    ],
)
def test_what_cannot_be_read_is_named(field: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        read_fields({field: value})
    assert (refused.value.code, refused.value.status, refused.value.field) == ("invalid_field", 422, field)
    assert refused.value.detail.startswith(field)
    assert refused.value.body()["field"] == field


@pytest.mark.parametrize(
    ("literal", "value"), [("1e-8", "0.00000001"), ("-0", "0"), ("+.5", "0.5"), ("1.", "1"), ("1.1000000000", "1.1")]
)
def test_numbers_are_read_in_any_notation_of_json(literal: str, value: str) -> None:
    read = read_fields({"quantity": literal}).quantity
    assert read == Decimal(value)
    assert read is not None
    assert not read.is_signed()


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T12:00", NOON),
        ("2026-03-02 12:00:00.000001Z", NOON + timedelta(microseconds=1)),
        ("2026-03-02T17:30:00+05:30", NOON),
    ],
)
def test_times_are_utc_to_the_microsecond(literal: str, value: datetime) -> None:
    assert parse_time(literal, "executed_at") == value
    assert parse_time(time_text(value.astimezone(timezone(timedelta(hours=9)))), "executed_at") == value


def test_what_is_left_out_is_completed() -> None:
    cash = Entry(Kind.DEPOSIT, "", Decimal(1), Decimal(5), Decimal(0), None, "")
    assert entry_of(Fields(Kind.DEPOSIT, price=Decimal(5), quantity=Decimal(1), note="  ")) == cash
    split = Fields(Kind.SPLIT, "XNAS:A", Decimal(4), price=Decimal(0), commission=Decimal(0), executed_at=NOON)
    assert entry_of(split) == Entry(Kind.SPLIT, "XNAS:A", Decimal(4), Decimal(0), Decimal(0), NOON, "")
    assert entry_of(BUY).commission == 0


def but(base: Fields = BUY, **changed: object) -> Fields:
    return Fields(**{name: getattr(base, name) for name in Fields.__slots__} | changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("type", Fields()),
        ("symbol", but(symbol=None)),
        ("symbol", but(symbol="A")),
        ("quantity", but(quantity=None)),
        ("quantity", but(quantity=Decimal(0))),
        ("quantity", but(quantity=Decimal(-1))),
        ("quantity", but(quantity=Decimal("10000000000.00000001"))),
        ("quantity", but(quantity=Decimal(90_001), price=Decimal(1_000_000))),
        ("price", but(price=Decimal(0))),
        ("price", but(price=Decimal("100000000.00000001"))),
        ("commission", but(commission=Decimal(-1))),
        ("commission", but(kind=Kind.DIVIDEND, commission=Decimal("21.00000001"))),
        ("note", but(note="x" * 201)),
        ("note", but(note="two\nlines")),
        ("note", but(note="a\x85b")),
        ("note", but(note="\ud800")),
        ("quantity", Fields(Kind.SPLIT, "XNAS:A", Decimal(1))),
        ("price", Fields(Kind.SPLIT, "XNAS:A", Decimal(2), Decimal(1))),
        ("commission", Fields(Kind.SPLIT, "XNAS:A", Decimal(2), commission=Decimal(1))),
        ("symbol", Fields(Kind.FEE, "XNAS:A", price=Decimal(1))),
        ("quantity", Fields(Kind.FEE, quantity=Decimal(2), price=Decimal(1))),
        ("commission", Fields(Kind.FEE, price=Decimal(1), commission=Decimal(1))),
        ("price", Fields(Kind.WITHDRAWAL)),
    ],
)
def test_what_breaks_a_bound_is_named(field: str, fields: Fields) -> None:
    with pytest.raises(Refused) as refused:
        entry_of(fields)
    assert (refused.value.code, refused.value.status, refused.value.field) == ("invalid_field", 422, field)


def test_a_correction_keeps_what_it_leaves_out() -> None:
    assert kept(Fields(price=Decimal(11)), SOLD) == Fields(
        Kind.SELL, "XNAS:A", Decimal(2), Decimal(11), Decimal(1), NOON, "old"
    )
    assert kept(Fields(Kind.BUY, note=""), SOLD) == Fields(
        Kind.BUY, "XNAS:A", Decimal(2), Decimal(10), Decimal(1), NOON, ""
    )


def test_a_correction_keeps_no_number_that_would_mean_another_thing() -> None:
    assert kept(Fields(Kind.SPLIT, quantity=Decimal(4)), SOLD) == Fields(
        Kind.SPLIT, "XNAS:A", Decimal(4), executed_at=NOON, note="old"
    )
    assert kept(Fields(Kind.FEE), SOLD) == Fields(Kind.FEE, executed_at=NOON, note="old")


def test_a_time_is_neither_before_1970_nor_ahead_of_the_clock() -> None:
    check_executed_at(datetime(1970, 1, 1, tzinfo=UTC), NOON)
    check_executed_at(NOON + timedelta(seconds=60), NOON)
    for executed_at in (datetime(1969, 12, 31, tzinfo=UTC), NOON + timedelta(seconds=60, microseconds=1)):
        with pytest.raises(Refused, match="executed_at is"):
            check_executed_at(executed_at, NOON)


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        (but(currency="EUR"), "symbol", "XNAS:A is traded in EUR; the portfolio is in USD"),
        (but(currency=None), "symbol", "XNAS:A is traded in no known currency; the portfolio is in USD"),
        (Fields(Kind.DEPOSIT, currency="EUR"), "currency", "currency is EUR; the portfolio is in USD"),
    ],
)
def test_another_currency_is_refused(fields: Fields, field: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        check_currency(fields, "USD")
    assert refused.value.body() == {"code": "wrong_currency", "detail": says, "field": field, "currency": "USD"}
    check_currency(but(fields, currency="USD"), "USD")
    check_currency(Fields(Kind.DEPOSIT), "USD")
