"""Commands and answers as bytes: the same ones come back, and nothing that the tables could not hold gets in."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from uuid import UUID

import msgpack
import msgspec
import pytest

from market.answer import Answer
from market.ledger.commands import Action, Command, Create, Fields, Import, Record, Row
from market.ledger.transaction import Kind
from mesh.commands import UnreadableError, decode_answer, encode_answer
from mesh.ledger.codec import decode_command, encode_command
from tests.ledger_stream import Stream

BUY = Fields(Kind.BUY, "XNAS:A", Decimal("0.00000001"), Decimal(3), note="n\u00f6te")
NAMES = ("id", "user", "received_at", "name", "action", "digest", "reply")
NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)


def command(action: Action) -> Command:
    return Command(UUID(int=1), UUID(int=2), NOW, action, bytes(range(32)), "_INBOX.a.b")


def parts_of(action: Action) -> dict[str, object]:
    values = msgpack.unpackb(encode_command(command(action)), timestamp=3)
    return dict(zip(NAMES, values, strict=True))


def test_every_command_comes_back() -> None:
    commands = Stream(Random(3)).commands(300)
    assert {type(each.action).__name__ for each in commands} >= {"Create", "Rename", "Delete", "Correct", "Import"}
    for each in commands:
        sent = replace(each, reply="_INBOX.x", digest=bytes(range(32)))
        assert decode_command(encode_command(sent)) == sent


def test_the_bytes_can_be_read_by_others() -> None:
    parts = parts_of(Record(UUID(int=7), BUY))
    assert parts["name"] == "record"
    assert parts["received_at"] == NOW
    assert parts["action"]["fields"]["quantity"] == "1E-8"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"name": "sell"}, "sell"),
        ({"id": "x"}, "Invalid UUID"),
        ({"digest": b"short"}, "length >= 32"),
        ({"received_at": "2026-03-02T15:00:00"}, "timezone"),
        ({"action": {"name": "Savings"}}, "currency"),
        ({"action": {"name": 5, "currency": "USD"}}, "Expected `str`"),
        ({"action": 5}, "Expected `object`"),
        ({"reply": None}, "Expected `str`"),
    ],
)
def test_what_is_no_command_is_refused(changed: dict[str, object], reason: str) -> None:
    parts = parts_of(Create("Savings", "USD")) | changed
    with pytest.raises(UnreadableError, match=reason):
        decode_command(msgpack.packb(list(parts.values()), datetime=True))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93abc", msgpack.packb(5), msgpack.packb([1] * 7)])
def test_bytes_that_are_something_else_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        decode_command(data)
    with pytest.raises(UnreadableError):
        decode_answer(data)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (replace(BUY, note="a\0b"), "NUL"),
        (replace(BUY, symbol="X" * 5000), "5000 characters"),
        (replace(BUY, quantity=Decimal("NaN")), "not a decimal number"),
        (replace(BUY, quantity=Decimal("1e99")), "not a decimal number|limit"),
        (replace(BUY, price=Decimal("0.000000001")), "8 decimals"),
        (replace(BUY, executed_at=datetime(2026, 3, 2)), "zone"),  # noqa: DTZ001  # that is the point
    ],
)
def test_what_no_table_can_hold_is_refused(fields: Fields, reason: str) -> None:
    for action in (Record(UUID(int=7), fields), Import(UUID(int=7), (Row(2, BUY), Row(3, fields)))):
        with pytest.raises(UnreadableError, match=reason):
            decode_command(encode_command(command(action)))
    with pytest.raises(UnreadableError, match="NUL"):
        decode_command(encode_command(command(Create("a\0", "USD"))))


def test_answers_come_back_and_are_plain_msgpack() -> None:
    answer = Answer(409, {"code": "not_enough", "held": "1.5", "problems": [{"line": 3}]})
    assert decode_answer(encode_answer(answer)) == answer
    assert msgpack.unpackb(encode_answer(answer)) == {"status": 409, "body": answer.body}
    assert msgspec.msgpack.decode(encode_answer(answer))["status"] == 409
