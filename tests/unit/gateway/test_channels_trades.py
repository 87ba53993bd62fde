import asyncio
import json

import msgpack
import pytest

from gateway.images import iso
from gateway.live.channels.trades import HELD_PRINTS, SNAPSHOT_PRINTS, TradesChannel
from gateway.live.wire import JSON, MSGPACK, Wire
from market import rows
from market.codes import CorrectionFlag, TradeFlag
from market.instrument import Instrument
from tests.unit.gateway.offline import NOON_US, Offline, at_ns, state, trades
from tests.unit.gateway.tiny_market import longs, masks, places

FOR_EVER = 1e18


@pytest.fixture
def offline() -> Offline:
    return Offline()


@pytest.fixture
def channel(offline: Offline) -> TradesChannel:
    return TradesChannel(offline.connection, offline.upstream, 0, offline.changed)


@pytest.fixture
async def aapl(offline: Offline, channel: TradesChannel) -> Instrument:
    """A watched instrument that had 100 events before, whatever they were."""
    (instrument,) = await offline.enlist("AAPL")
    offline.answers(state(instrument, 100))
    await channel.watch([instrument])
    return instrument


def entry(channel: TradesChannel, instrument: Instrument, since: int, wire: Wire = JSON) -> dict[str, object]:
    (data,) = channel.entries(wire, places(instrument.number), masks(1), longs(since)).split()
    found: dict[str, object] = json.loads(data) if wire.is_text else msgpack.unpackb(data)
    return found


def sequences(found: dict[str, object]) -> list[int]:
    return [each["q"] for each in found["trades"]]  # type: ignore[attr-defined]  # a list of prints


def position(channel: TradesChannel, instrument: Instrument) -> int:
    return int(channel.positions(places(instrument.number))[0])


@pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_a_print_is_told_with_all_there_is_of_it(
    offline: Offline, channel: TradesChannel, aapl: Instrument, wire: Wire
) -> None:
    await offline.trade(trades(aapl, [101], price=0.1 + 0.2, size=7, trade_id=2**64 - 1, conditions=5, flags=1))
    at_us = NOON_US + 101_000_000
    assert entry(channel, aapl, 0, wire) == {
        "s": "XNAS:AAPL",
        "q": 101,
        "trades": [{"q": 101, "t": at_us, "r": at_us, "p": 0.1 + 0.2, "z": 7, "i": str(2**64 - 1), "k": 5, "f": 1}],
    }
    assert int(TradeFlag.CORRECTED) == 1


async def test_a_plain_print_has_no_conditions_flags_nor_withdrawal(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    await offline.trade(trades(aapl, [101], trade_id=0))
    plain = {"q": 101, "t": NOON_US + 101_000_000, "r": NOON_US + 101_000_000, "p": 10.5, "z": 100, "i": "0"}
    assert entry(channel, aapl, 0)["trades"] == [plain]


async def test_a_withdrawal_names_the_time_of_what_it_withdraws(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    correction = rows.CORRECTION.blank(1)
    correction["instrument"], correction["sequence"], correction["flags"] = aapl.number, 102, CorrectionFlag.BUST
    correction["ts_event"] = correction["ts_recv"] = at_ns(102)
    correction["price"], correction["size"], correction["trade_id"] = 10.5, 100, 101
    correction["ts_trade"] = at_ns(101)
    await offline.trade(rows.join([trades(aapl, [101]), correction, trades(aapl, [103])]))
    told = entry(channel, aapl, 0)
    assert sequences(told) == [101, 102, 103]
    assert told["trades"][1] == {  # type: ignore[index]  # a list of prints
        "q": 102, "t": NOON_US + 102_000_000, "r": NOON_US + 102_000_000, "p": 10.5, "z": 100, "i": "101",
        "f": int(CorrectionFlag.BUST), "x": NOON_US + 101_000_000,
    }  # fmt: skip


async def test_prints_are_told_in_order_once_and_from_where_a_client_is(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    await offline.trade(trades(aapl, [101, 105]), trades(aapl, [106]))
    await offline.trade(trades(aapl, [105, 106, 108]))
    change = channel.take_changes()
    assert change is not None
    assert (change.numbers.tolist(), change.masks.tolist(), change.positions.tolist()) == ([aapl.number], [1], [4])
    assert channel.take_changes() is None
    assert [sequences(entry(channel, aapl, since)) for since in (0, 1, 3, 4)] == [
        [101, 105, 106, 108], [105, 106, 108], [108], [],
    ]  # fmt: skip
    assert entry(channel, aapl, 4)["q"] == 108
    assert "missed" not in entry(channel, aapl, 0)
    assert offline.changes == 3


async def test_who_is_too_far_behind_misses_some_and_is_told_how_many(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    await offline.trade(trades(aapl, range(101, 101 + HELD_PRINTS + 25)))
    told = entry(channel, aapl, 5)
    assert told["missed"] == 20
    assert len(sequences(told)) == HELD_PRINTS
    assert sequences(told)[-1] == told["q"] == 100 + HELD_PRINTS + 25
    assert "missed" not in entry(channel, aapl, 25)


async def test_a_snapshot_has_the_latest_prints_and_nothing_is_missed_in_it(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    number = places(aapl.number)
    assert channel.snapshot_since(number).tolist() == [0]
    for count in (3, SNAPSHOT_PRINTS, HELD_PRINTS * 2):
        await offline.trade(trades(aapl, range(position(channel, aapl) + 101, count + 101)))
        (since,) = channel.snapshot_since(number).tolist()
        told = entry(channel, aapl, since)
        assert "missed" not in told
        assert len(sequences(told)) == min(count, SNAPSHOT_PRINTS)
        assert sequences(told)[-1] == 100 + count


async def test_of_many_symbols_a_snapshot_has_fewer_prints_of_each(offline: Offline, channel: TradesChannel) -> None:
    instruments = await offline.enlist(*(f"S{at}" for at in range(1000)))
    await channel.watch(instruments)
    await offline.trade(*(trades(each, range(1, 61)) for each in instruments))
    numbers = places(*(int(each.number) for each in instruments))
    since = channel.snapshot_since(numbers)
    made = channel.entries(JSON, numbers, masks(*[1] * 1000), since).split()
    assert all(1 <= len(sequences(json.loads(each))) < SNAPSHOT_PRINTS for each in made)
    assert sum(map(len, made)) < 1 << 20


async def test_what_a_client_has_not_seen_is_by_sequence_or_by_time(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    number = int(aapl.number)
    await offline.trade(trades(aapl, [101, 105, 106]))
    seen = [100, 101, 104, 105, 106, 2**62]
    assert [channel.resume_since(number, each) for each in seen] == [0, 1, 1, 2, 3, 3]
    assert [channel.is_newer(number, each) for each in seen] == [True, True, True, True, False, False]
    times = [iso(at_ns(each)) or "" for each in (100, 101, 105, 106)]
    assert [channel.resume_since(number, each) for each in times] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="YYYY"):
        channel.is_newer(number, "yesterday")


async def test_covered_is_who_saw_everything_before_the_first_print_held(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    """It was subscribed before the feed was asked, and the feed had 100 events by then."""
    number = int(aapl.number)
    assert [channel.is_covered(number, each) for each in (0, 99, 100, 5000)] == [False, False, True, True]
    await offline.trade(trades(aapl, range(101, 101 + HELD_PRINTS)))
    assert [channel.is_covered(number, each) for each in (99, 100)] == [False, True]
    await offline.trade(trades(aapl, [101 + HELD_PRINTS]))
    assert [channel.is_covered(number, each) for each in (100, 102)] == [False, True], "101 is not held any more"
    assert not channel.is_covered(number, "2099-01-01T00:00:00Z"), "several prints may have one time"


async def test_an_entry_says_up_to_where_its_prints_are_all_there_are(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    """Whoever comes back with that sequence has seen everything up to it."""
    assert entry(channel, aapl, 0)["q"] == 100
    assert channel.is_covered(int(aapl.number), 100)
    await offline.trade(trades(aapl, [104]))
    assert entry(channel, aapl, 0)["q"] == 104
    (mute,) = await offline.enlist("MUTE")
    await channel.watch([mute])
    assert entry(channel, mute, 0)["q"] == 0
    await offline.trade(trades(mute, [7]))
    assert entry(channel, mute, 0)["q"] == 7


async def test_prints_that_a_client_saw_elsewhere_are_waited_for_and_others_are_not(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    (other,) = await offline.enlist("OTHER")
    offline.answers(state(other, 50))
    await channel.watch([other])
    offline.connection.asked.clear()
    await channel.catch_up({int(aapl.number): 100, int(other.number): 12})
    assert offline.connection.asked == []
    await channel.catch_up({int(aapl.number): 101, int(other.number): 50})
    assert offline.connection.asked == ["snapshot.XNAS.AAPL"]


async def test_an_answer_about_many_symbols_begins_later(offline: Offline, channel: TradesChannel) -> None:
    one, two = await offline.enlist("ONE", "TWO")
    await channel.watch([one, two])
    await offline.trade(trades(one, range(1, 200)), trades(two, range(1, 100)))
    few, many = places(one.number, two.number), places(*[one.number] * 1000)
    assert (channel.earliest(few) <= 0).all()
    (earliest,) = set(channel.earliest(many).tolist())
    assert 0 < earliest < 199
    assert channel.snapshot_since(many).tolist() == [earliest] * 1000


async def test_where_the_feed_says_nothing_nobody_is_covered(offline: Offline, channel: TradesChannel) -> None:
    (mute,) = await offline.enlist("MUTE")
    await channel.watch([mute])
    assert not channel.is_covered(int(mute.number), 0)
    assert not channel.is_covered(int(mute.number), 2**62)
    offline.answers(state(mute, 40))
    await channel.watch([mute])
    assert [channel.is_covered(int(mute.number), each) for each in (39, 40)] == [False, True]


async def test_whoever_comes_while_the_feed_is_being_asked_waits_for_the_answer_too(
    offline: Offline, channel: TradesChannel
) -> None:
    """Two clients resume at once: neither is told that nothing was missed before it is known."""
    (instrument,) = await offline.enlist("AAPL")
    offline.answers(state(instrument, 40))
    offline.connection.may_answer.clear()
    first, second = (asyncio.ensure_future(channel.watch([instrument])) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not channel.is_covered(int(instrument.number), 40)
    assert not first.done()
    assert not second.done()
    offline.connection.may_answer.set()
    await asyncio.gather(first, second)
    assert [channel.is_covered(int(instrument.number), each) for each in (39, 40)] == [False, True]


async def test_after_an_absence_it_says_that_prints_may_be_missing(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    await offline.trade(trades(aapl, [101, 102]))
    offline.answers(state(aapl, 102))
    await channel.refresh()
    assert position(channel, aapl) == 2, "nothing happened meanwhile"
    channel.take_changes()
    offline.answers(state(aapl, 110))
    await channel.refresh()
    change = channel.take_changes()
    assert change is not None
    assert change.positions.tolist() == [3]
    assert entry(channel, aapl, 2) == {"s": "XNAS:AAPL", "q": 110, "trades": [], "missed": 1}
    await offline.trade(trades(aapl, [111]))
    told = entry(channel, aapl, 2)
    assert (told["missed"], sequences(told)) == (1, [111])
    assert sequences(entry(channel, aapl, 3)) == [111]
    assert [channel.is_covered(int(aapl.number), each) for each in (102, 109, 111)] == [False, False, True]


async def test_what_nobody_watches_is_let_go_and_begins_anew(
    offline: Offline, channel: TradesChannel, aapl: Instrument
) -> None:
    await offline.trade(trades(aapl, [101, 102]))
    channel.unwatch([int(aapl.number)])
    channel.sweep(FOR_EVER)
    assert offline.connection.subscribed == set()
    assert channel.take_changes() is None
    offline.answers(state(aapl, 200))
    await channel.watch([aapl])
    assert position(channel, aapl) == 0
    assert [channel.is_covered(int(aapl.number), each) for each in (102, 200)] == [False, True]
    await offline.trade(trades(aapl, [201]))
    assert sequences(entry(channel, aapl, 0)) == [201]


async def test_bytes_that_are_no_prints_are_left_out_and_said(
    offline: Offline, channel: TradesChannel, aapl: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    subject = "trade.XNAS.AAPL"
    good = trades(aapl, [101]).tobytes()
    await offline.connection.deliver((subject, good[:-1]), (subject, b""), (subject, b"\x90" * len(good)))
    assert position(channel, aapl) == 0
    assert caplog.text.count("prints of XNAS:AAPL cannot be read") == 2
    await offline.connection.deliver((subject, good))
    assert sequences(entry(channel, aapl, 0)) == [101]
