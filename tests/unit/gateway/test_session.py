import json

import pytest

from gateway.live.session import MAX_WAITING_ANSWERS, Session, TooSlowError
from gateway.live.wire import JSON


@pytest.fixture
def session() -> Session:
    return Session("c1", JSON)


def test_answers_come_in_order_and_once(session: Session) -> None:
    session.answer({"type": "a"})
    session.answer({"type": "b"})
    assert session.wake.is_set()
    assert [json.loads(answer)["type"] for answer in session.take_answers()] == ["a", "b"]
    assert session.take_answers() == []


def test_answers_that_nobody_reads_are_bounded(session: Session) -> None:
    for _ in range(MAX_WAITING_ANSWERS):
        session.answer({"type": "heartbeat"})
    with pytest.raises(TooSlowError, match=str(MAX_WAITING_ANSWERS)):
        session.answer({"type": "heartbeat"})
    assert len(session.take_answers()) == MAX_WAITING_ANSWERS
    session.answer({"type": "heartbeat"})


def test_a_change_waits_once_however_often_it_happens(session: Session) -> None:
    session.watch(1, "XNAS:A", 0)
    session.watch(2, "XNAS:B", 0)
    for _ in range(1000):
        session.mark(2)
        session.mark(1)
    assert session.has_updates
    assert list(session.take_dirty()) == [2, 1]  # the oldest change goes first
    assert not session.has_updates


def test_only_newer_sequences_are_sent(session: Session) -> None:
    session.watch(1, "XNAS:A", 10)
    assert not session.advance(1, 10)
    assert session.advance(1, 12)
    assert not session.advance(1, 11)
    assert not session.advance(1, 12)


def test_what_is_watched_no_more_is_not_sent(session: Session) -> None:
    session.watch(1, "XNAS:A", 10)
    session.mark(1)
    session.unwatch(1)
    assert not session.has_updates
    session.mark(1)  # a change that was on its way
    assert not session.advance(1, 99)
    assert session.symbols == {}


def test_no_command_is_read_while_the_answers_to_earlier_ones_pile_up(session: Session) -> None:
    while session.room.is_set():
        session.answer({"type": "pong"})
    waiting = len(session.take_answers())
    assert waiting + 1001 < MAX_WAITING_ANSWERS  # the command being obeyed then still has room for all its answers
    assert session.room.is_set()
