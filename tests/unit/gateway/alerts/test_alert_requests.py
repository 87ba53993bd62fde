"""What requests about alerts say is read exactly, and what is wrong is named."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from gateway.alerts.requests import (
    AlertChange,
    NewAlert,
    PreviewRequest,
    Rearming,
    SeenRequest,
    change,
    creation,
    named,
    read_days,
    read_state,
    rearming,
    seen,
)
from gateway.problems import Problem
from gateway.upstream import UnknownSymbolError
from market.alerts.commands import Create, Edit, IfTrue, Never, Rearm
from market.alerts.rule import Condition, Reference, Repeat
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey

ALERT, CHANNEL = uuid4(), uuid4()
APPLE = Instrument(InstrumentId(7), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc."))
PLAIN = {"symbol": "AAPL", "condition": "ABOVE", "threshold": 230}


def find(symbol: str) -> Instrument:
    if symbol not in {"AAPL", "XNAS:AAPL"}:
        raise UnknownSymbolError(f"there is no {symbol}")
    return APPLE


def asked(**more: object) -> NewAlert:
    return msgspec.json.decode(msgspec.json.encode(PLAIN | more), type=NewAlert)


def changing(**fields: object) -> AlertChange:
    return msgspec.json.decode(msgspec.json.encode(fields), type=AlertChange)


def test_what_is_left_out_has_its_default() -> None:
    assert creation(asked(), find) == Create("XNAS:AAPL", 7, Condition.ABOVE, 230.0)


def test_every_field_is_read() -> None:
    made = creation(
        asked(
            condition="CHANGE_PCT",
            threshold=2.5,
            reference="created",
            repeat="every_cross",
            cooldown=60,
            expires_at="2030-01-02T03:04:05+02:00",
            note="sell half",
            notificationChannels=[str(CHANNEL), str(CHANNEL)],
            if_true="wait",
        ),
        find,
    )
    assert made == Create(
        "XNAS:AAPL",
        7,
        Condition.CHANGE_PCT,
        2.5,
        Reference.CREATED,
        Repeat.EVERY_CROSS,
        60,
        datetime(2030, 1, 2, 1, 4, 5, tzinfo=UTC),
        "sell half",
        (CHANNEL,),
        IfTrue.WAIT,
    )


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"symbol": "NOBODY"}, "unknown_symbol", "symbol"),
        ({"condition": "above"}, "invalid_field", "condition"),
        ({"threshold": 0}, "invalid_field", "threshold"),
        ({"threshold": -1.5}, "invalid_field", "threshold"),
        ({"threshold": 1.1e8}, "invalid_field", "threshold"),
        ({"condition": "CHANGE_PCT", "threshold": 1000.1}, "invalid_field", "threshold"),
        ({"reference": "open"}, "invalid_field", "reference"),
        ({"repeat": "twice"}, "invalid_field", "repeat"),
        ({"cooldown": -1}, "invalid_field", "cooldown"),
        ({"cooldown": 604_801}, "invalid_field", "cooldown"),
        ({"expires_at": "tomorrow"}, "invalid_field", "expires_at"),
        ({"note": "x" * 501}, "invalid_field", "note"),
        ({"note": "a\0b"}, "invalid_field", "note"),
        ({"notificationChannels": ["mine"]}, "invalid_field", "notificationChannels"),
        ({"notificationChannels": [str(uuid4()) for _ in range(11)]}, "invalid_field", "notificationChannels"),
        ({"if_true": "explode"}, "invalid_field", "if_true"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, object], code: str, field: str) -> None:
    with pytest.raises(Problem) as caught:
        creation(asked(**fields), find)
    assert (caught.value.status, caught.value.code, caught.value.fields["field"]) == (422, code, field)


@pytest.mark.parametrize("threshold", [b"true", b'"230"', b"null", b"1e999", b"[230]"])
def test_a_threshold_is_a_number(threshold: bytes) -> None:
    body = b'{"symbol": "AAPL", "condition": "ABOVE", "threshold": %b}' % threshold
    with pytest.raises(msgspec.ValidationError, match=r"\$\.threshold"):
        msgspec.json.decode(body, type=NewAlert)


def test_a_change_has_what_is_given_and_no_more() -> None:
    assert change(ALERT, changing(threshold=5, if_true="fire")) == Edit(ALERT, threshold=5.0, if_true=IfTrue.FIRE)
    assert change(ALERT, changing(expires_at=None)) == Edit(ALERT, expires_at=Never.NEVER)
    at = datetime(2030, 1, 2, tzinfo=UTC)
    emptied = changing(note="", cooldown=0, notificationChannels=[], repeat="daily", expires_at="2030-01-02")
    assert change(ALERT, emptied) == Edit(ALERT, None, Repeat.DAILY, 0, at, "", ())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "body"),
        ({"if_true": "wait"}, "body"),
        ({"threshold": 0}, "threshold"),
        ({"cooldown": -1}, "cooldown"),
        ({"note": "x" * 501}, "note"),
        ({"repeat": "never"}, "repeat"),
        ({"notificationChannels": [""]}, "notificationChannels"),
        ({"note": "", "if_true": ""}, "if_true"),
    ],
)
def test_a_change_that_is_none_is_refused(fields: dict[str, object], field: str) -> None:
    with pytest.raises(Problem) as caught:
        change(ALERT, changing(**fields))
    assert (caught.value.status, caught.value.fields["field"]) == (422, field)


@pytest.mark.parametrize("field", ["symbol", "condition", "id", "state"])
def test_a_change_has_no_other_fields(field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=field):
        changing(**{field: "AAPL"})


def test_it_is_armed_again_as_was_asked() -> None:
    assert rearming(ALERT, Rearming()) == Rearm(ALERT)
    assert rearming(ALERT, Rearming("fire")) == Rearm(ALERT, IfTrue.FIRE)


def test_what_was_seen_is_named_or_all_of_it() -> None:
    assert seen(SeenRequest([str(ALERT)])) == (ALERT,)
    assert seen(SeenRequest(all=True)) is None
    for wrong in (SeenRequest(), SeenRequest([str(ALERT)], all=True), SeenRequest([str(UUID(int=0))] * 1001)):
        with pytest.raises(Problem, match="ids"):
            seen(wrong)


@pytest.mark.parametrize("days", [0, 31, -1])
def test_a_preview_looks_back_so_far_and_no_farther(days: int) -> None:
    with pytest.raises(Problem, match="days"):
        read_days(PreviewRequest(**PLAIN, days=days))
    assert read_days(PreviewRequest(**PLAIN)) == 7


def test_states_and_symbols_of_a_list_are_those_there_are() -> None:
    assert [read_state(each) for each in (None, "armed", "expired")] == [None, "armed", "expired"]
    for wrong in ("dormant", "deleted", ""):
        with pytest.raises(Problem, match="state"):
            read_state(wrong)
    assert named("AAPL", find) is APPLE
