import numpy as np
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from gateway import venues
from gateway.venues import ALIVE_FOR_S, Venues
from market import rows
from market.codes import NO_INSTRUMENT, TradingState
from market.row_type import Rows


def status(*states: TradingState) -> Rows:
    made = rows.STATUS.blank(len(states))
    made["instrument"] = NO_INSTRUMENT
    made["state"] = np.array(states, np.uint64)
    return made


def message(subject: str, data: bytes) -> Msg:
    return Msg(_client=Client(), subject=subject, data=data)


def test_a_venue_lives_for_some_seconds_after_it_was_heard() -> None:
    known = Venues()
    known.heard("XNAS", 100.0)
    known.heard("XNYS", 103.0)
    assert known.alive(104.9) == ["XNAS", "XNYS"]
    assert known.alive(100.0 + ALIVE_FOR_S) == ["XNYS"]
    assert known.alive(200.0) == []


def test_a_venue_never_heard_is_not_alive_even_just_after_the_machine_started() -> None:
    assert not Venues().is_alive("XNAS", 0.0)


async def test_only_the_feed_s_own_heartbeat_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Venues()
    monkeypatch.setattr(venues.time, "monotonic", lambda: 50.0)
    await known.on_status(message("status.XNYS", status(TradingState.HALTED).tobytes()))
    await known.on_status(message("status.XNAS", status(TradingState.HALTED, TradingState.FEED_ALIVE).tobytes()))
    assert known.alive(50.0) == ["XNAS"]


@pytest.mark.parametrize("data", [b"", b"x", b"x" * rows.STATUS.width_bytes])
async def test_a_status_that_cannot_be_read_is_passed_over(data: bytes) -> None:
    known = Venues()
    await known.on_status(message("status.XNAS", data))
    assert known.alive(0.0) == []
