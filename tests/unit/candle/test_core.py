"""The worker's core: feeds apart, strangers asked for once, silence that closes, states that come back."""

from collections.abc import Sequence

import numpy as np
import pytest

from market import rows
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.timeframe import Timeframe
from mesh.actor.protocols import StateError, Step
from mesh.actor.reader import Delivery
from workers.candle.core import CandleCore, CoreRules
from workers.candle.effects import join
from workers.candle.live import LivePace
from workers.candle.questions import Newcomer, Strangers

S = 1_000_000_000
MINUTE = 60 * S
START = 1_774_794_600 * S
RULES = CoreRules(FoldRules(), idle_ns=5 * S)
KNOWN = {1: "COIN", 2: "COIN"}


def core(now_ns: int = 0, known: dict[int, str] = KNOWN) -> CandleCore:
    return CandleCore(RULES, LivePace(50_000_000, 0), {}, known.get, now_ns)


def delivery(sequence: int, feed: str, *trades: tuple[int, int, int]) -> Delivery:
    """A message of trades: instrument, count, nanoseconds after the start."""
    made = rows.TRADE.blank(len(trades))
    for row, (number, count, after_ns) in zip(made, trades, strict=True):
        row["instrument"], row["sequence"] = number, (1 << 32) + count
        row["ts_event"] = row["ts_recv"] = START + after_ns
        row["price"], row["size"] = 10 + count, 1
    return Delivery(sequence, feed, 0, made.tobytes())


def applied(one: CandleCore, deliveries: Sequence[Delivery], now_ns: int) -> Step:
    """Apply deliveries; of feeds that nobody heard of before, nothing was before."""
    step = one.apply(deliveries, now_ns)
    parts = [step]
    while isinstance(step.question, Newcomer):
        step = one.begin(step.question, step.question.minute - 2, {}, now_ns, is_known=True)
        parts.append(step)
    durable = [each.durable for each in parts if each.durable]
    live = [each.live for each in parts if each.live]
    return Step(join(durable) if durable else None, live[-1] if live else None, step.question)


def closed(step_candles: Candles, timeframe: Timeframe = Timeframe.M1) -> list[tuple[int, int]]:
    mine = step_candles.take(step_candles.timeframe == timeframe)
    return sorted(zip(mine.instrument.tolist(), mine.trades.tolist(), strict=True))


def test_each_feed_has_a_time_of_its_own() -> None:
    one = core()
    step = applied(
        one,
        [delivery(1, "live", (1, 1, 0)), delivery(2, "replay", (2, 1, -300 * MINUTE)), delivery(3, "live", (1, 2, S))],
        0,
    )
    assert step.durable is None
    assert step.question is None
    step = applied(one, [delivery(4, "replay", (2, 2, -298 * MINUTE))], 0)
    assert closed(step.durable.candles) == [(2, 1)]
    assert one.watermarks_ns == {"live": START + S - 2 * S, "replay": START - 298 * MINUTE - 2 * S}
    assert one.counts.rows == 4


def test_strangers_are_asked_for_once_and_then_rejected() -> None:
    known: dict[int, str] = {}
    one = core(known=known)
    step = applied(one, [delivery(1, "live", (1, 1, 0), (9, 1, 0)), delivery(2, "live", (1, 2, 0))], 0)
    assert step.question == Strangers(frozenset({1, 9}))
    known[1] = "COIN"
    step = one.resume(step.question, 0)
    assert step.question is None
    assert [(reject.reason, reject.tape_sequence) for reject in step.durable.rejects] == [("unknown_instrument", 1)]
    assert applied(one, [delivery(3, "live", (9, 2, 0))], 0).question is None
    assert one.counts.trades == 2
    assert one.counts.quarantined == {"unknown_instrument": 2}


def test_a_message_that_cannot_be_read_is_rejected_alone() -> None:
    one = core()
    bad = [Delivery(2, "live", 0, b"short"), Delivery(3, "live", 0, b"\0" * rows.EVENT_BYTES)]
    step = applied(one, [delivery(1, "live", (1, 1, 0)), *bad, delivery(4, "live", (1, 2, 0))], 0)
    assert [(each.reason, each.tape_sequence) for each in step.durable.rejects] == [
        ("unreadable", 2),
        ("unreadable", 3),
    ]
    assert one.counts.trades == 2


def test_a_silent_feed_closes_by_our_clock_and_nothing_lasts_of_it() -> None:
    one = core()
    applied(one, [delivery(1, "live", (1, 1, 0))], 0)
    frozen = one.freeze().encode()
    assert one.timer(4 * S).durable is None
    assert one.timer(30 * S).durable is None  # the minute is not over
    step = one.timer(63 * S)
    assert closed(step.durable.candles) == [(1, 1)]
    assert step.live is not None
    assert one.timer(64 * S).durable is None  # given once
    assert one.freeze().encode() == frozen
    later = applied(one, [delivery(2, "live", (1, 2, 30 * S), (2, 1, 63 * S))], 65 * S)
    assert closed(join([step.durable, later.durable]).candles) == [(1, 2)]


def test_open_candles_are_shown_at_once_and_then_in_windows() -> None:
    one = core()
    first = applied(one, [delivery(1, "live", (1, 1, 0))], 1 * S)
    assert [places.tolist() for _, places in first.live.due] == [[0]]
    assert applied(one, [delivery(2, "live", (1, 2, 0))], 1 * S + 1).live is None
    assert one.wakes_at_ns == 1 * S + 50_000_000
    assert [places.tolist() for _, places in one.timer(one.wakes_at_ns).live.due] == [[0]]
    assert one.wakes_at_ns == 6 * S + 1  # when the feed counts as silent
    one.pending = 100  # there is much to catch up with
    assert applied(one, [delivery(3, "live", (1, 3, 0))], 1 * S + 200_000_000).live is None
    assert one.timer(2 * S + 60_000_000).live is not None


def test_a_state_comes_back_and_goes_on() -> None:
    one, again = core(), core()
    applied(one, [delivery(1, "live", (1, 1, 0)), delivery(2, "other", (2, 1, 0))], 0)
    again.restore(one.freeze().encode(), 0)
    more = [delivery(3, "live", (1, 2, 2 * MINUTE)), delivery(4, "other", (2, 2, 2 * MINUTE))]
    ours, theirs = applied(one, more, 0), applied(again, more, 0)
    assert closed(ours.durable.candles) == closed(theirs.durable.candles) == [(1, 1), (2, 1)]
    assert len(again.now(np.array([1, 2], np.uint32))) == len(one.now(np.array([1, 2], np.uint32))) > 0
    assert again.freeze().encode() == one.freeze().encode()


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81\xa4live\xc4\x03abc"])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        core().restore(data, 0)
