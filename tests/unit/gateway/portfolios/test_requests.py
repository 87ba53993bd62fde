"""What requests about portfolios say is read exactly, and what is wrong is named."""

from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from gateway.commanding.acting import read_id, read_limit
from gateway.commanding.keys import command_id, digest_of, read_key
from gateway.portfolios.requests import (
    Correction,
    Entry,
    NewName,
    NewPortfolio,
    correction_of,
    fields_of,
    named,
    opening,
    read_day,
    renaming,
    unknown_portfolio,
)
from gateway.problems import Problem
from gateway.upstream import UnknownSymbolError
from market.instrument import Instrument, InstrumentId, Listing
from market.ledger.transaction import Kind
from market.symbols import SymbolKey

USER = UUID("08deb4de-0e69-4c1c-81e0-d63a6882778c")
APPLE = Instrument(InstrumentId(1), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc."))


def find(symbol: str) -> Instrument:
    if symbol not in {"AAPL", "XNAS:AAPL"}:
        raise UnknownSymbolError(f"there is no {symbol}")
    return APPLE


def entry(text: str) -> Entry:
    return msgspec.json.decode(text, type=Entry)


def problem(text: str) -> Problem:
    with pytest.raises(Problem) as caught:
        fields_of(entry(text), find)
    return caught.value


@pytest.mark.parametrize("number", ["0.1", '"0.1"', "1e-1", '"1E-1"'])
def test_a_number_is_what_was_written_and_never_a_float(number: str) -> None:
    fields = fields_of(entry(f'{{"type":"BUY","symbol":"AAPL","quantity":{number},"price":1.10}}'), find)
    assert fields.quantity == Decimal("0.1")
    assert fields.price == Decimal("1.1")


def test_digits_that_no_float_holds_are_kept() -> None:
    fields = fields_of(entry('{"type":"DEPOSIT","price":12345678901.12345678,"quantity":null}'), find)
    assert (fields.price, fields.quantity) == (Decimal("12345678901.12345678"), None)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\0b", "a\nb"])
def test_a_name_that_no_portfolio_can_have_is_refused_before_the_ledger_is_asked(name: str) -> None:
    for read in (lambda: opening(NewPortfolio(name)), lambda: renaming(USER, NewName(name))):
        with pytest.raises(Problem) as caught:
            read()
        assert (caught.value.code, caught.value.fields["field"]) == ("invalid_field", "name")
    assert opening(NewPortfolio(" Savings ")).name == renaming(USER, NewName("Savings")).name


def test_a_currency_is_a_code() -> None:
    with pytest.raises(Problem) as caught:
        opening(NewPortfolio("Savings", "usd"))
    assert caught.value.fields["field"] == "currency"


def test_a_symbol_is_named_in_full_with_its_currency() -> None:
    fields = fields_of(entry('{"type":"buy","symbol":"AAPL"}'), find)
    assert (fields.kind, fields.symbol, fields.currency) == (Kind.BUY, "XNAS:AAPL", "USD")
    assert (fields.quantity, fields.price, fields.commission, fields.executed_at) == (None, None, None, None)


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ('{"type":"BUY","symbol":"NOBODY"}', "unknown_symbol", "symbol"),
        ('{"type":"BUY","symbol":"AAPL","currency":"EUR"}', "wrong_currency", "currency"),
        ('{"type":"GIVE"}', "invalid_field", "type"),
        ('{"quantity":"NaN"}', "invalid_field", "quantity"),
        ('{"quantity":0.123456789}', "invalid_field", "quantity"),
        ('{"price":1e99}', "invalid_field", "price"),
        ('{"price":1e400}', "invalid_field", "price"),
        ('{"price":%s}' % ("9" * 5000), "invalid_field", "price"),
        ('{"price":"1_000"}', "invalid_field", "price"),
        ('{"price":"\u0663"}', "invalid_field", "price"),
        ('{"price":true}', "invalid_field", "price"),
        ('{"price":[1]}', "invalid_field", "price"),
        ('{"note":"a\\u0000"}', "invalid_field", "note"),
        ('{"currency":"%s"}' % ("E" * 5000), "invalid_field", "currency"),
        ('{"price":"1e999999"}', "invalid_field", "price"),
        ('{"executed_at":"yesterday"}', "invalid_field", "executed_at"),
    ],
)
def test_what_is_wrong_is_named(text: str, code: str, field: str) -> None:
    found = problem(text)
    assert (found.status, found.code, found.fields["field"]) == (422, code, field)


def test_a_field_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="amount"):
        entry('{"type":"BUY","amount":1}')


def test_nothing_is_put_in_a_place_only_where_no_field_is_given() -> None:
    def correction(text: str) -> Correction:
        return msgspec.json.decode(text, type=Correction)

    assert correction_of(correction('{"void":true,"price":null}'), find) is None
    kept = correction_of(correction('{"void":false,"price":2}'), find)
    assert kept is not None
    assert kept.price == Decimal(2)
    with pytest.raises(Problem) as caught:
        correction_of(correction('{"void":true,"price":2}'), find)
    assert caught.value.fields["field"] == "price"


def test_a_symbol_is_looked_for_under_its_full_name() -> None:
    assert (named("AAPL", find), named("XNAS:GONE", find)) == ("XNAS:AAPL", "XNAS:GONE")
    with pytest.raises(Problem) as caught:
        named("A\0", SymbolKey.parse)  # type: ignore[arg-type]  # as whoever finds instruments reads them
    assert caught.value.fields["field"] == "symbol"


def test_the_same_key_is_the_same_command_for_one_user_alone() -> None:
    assert command_id(USER, "one") == command_id(USER, "one")
    other = (command_id(USER, "two"), command_id(UUID(int=1), "one"), command_id(USER, "one", "alert"))
    assert len({command_id(USER, "one"), *other}) == 4


@pytest.mark.parametrize("header", ["", " ", "a b", "x" * 129, "schön"])
def test_a_key_has_its_bounds(header: str) -> None:
    with pytest.raises(Problem) as caught:
        read_key(header)
    assert (caught.value.status, caught.value.code) == (400, "invalid_idempotency_key")


def test_without_a_key_each_request_is_its_own() -> None:
    assert read_key("x" * 128) == "x" * 128
    assert read_key(None) != read_key(None)


def test_a_digest_tells_requests_apart() -> None:
    found = {digest_of(*each) for each in (("POST", "/a", b"x"), ("POST", "/a", b"y"), ("POST", "/b", b"x"))}
    assert len(found) == 3
    assert {len(each) for each in found} == {32}


def test_an_id_that_is_none_is_of_nothing() -> None:
    assert read_id(str(USER), unknown_portfolio) == USER
    with pytest.raises(Problem) as caught:
        read_id("7", unknown_portfolio)
    assert (caught.value.status, caught.value.code) == (404, "unknown_portfolio")


@pytest.mark.parametrize("text", ["0", "501", "-1", "ten", "", "9" * 5000, "1.5", "٣", "0005000000"])
def test_a_page_has_its_bounds(text: str) -> None:
    with pytest.raises(Problem) as caught:
        read_limit(text)
    assert caught.value.fields["field"] == "limit"


def test_days_and_limits_are_read() -> None:
    assert read_limit("500") == 500
    assert read_day("2026-03-29", "from").isoformat() == "2026-03-29"
    with pytest.raises(Problem) as caught:
        read_day("29.3.2026", "from")
    assert caught.value.fields["field"] == "from"
