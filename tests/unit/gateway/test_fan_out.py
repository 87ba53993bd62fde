import numpy as np
import pytest

from gateway.live import subscriptions as subscriptions_module
from gateway.live.fan_out import MAX_ENTRIES_PER_FRAME
from gateway.live.wire import JSON, MSGPACK, Wire
from tests.unit.gateway.tiny_market import ALL, Reader, TinyChannel, TinyLog, TinyMarket, places

WIRES = pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])


def ticks_of_frames(market: TinyMarket, reader: Reader, until_tick: int, **changes: int) -> list[int]:
    """Change instrument 1 at every tick; return the ticks at which a client was sent something."""
    came = []
    for tick in range(until_tick):
        market.change(1, **(changes or {"a": tick + 1}))
        before = len(reader.frames)
        market.serve(tick)
        came += [tick] * (len(reader.frames) - before)
    return came


def symbols(frame: list[dict[str, object]]) -> list[object]:
    return [entry["s"] for entry in frame]


@WIRES
def test_the_first_change_goes_at_once_and_then_what_changed_goes_together(wire: Wire) -> None:
    market = TinyMarket(wires=[wire])
    reader = market.watching(1, 2, 3)
    market.change(1, a=1)
    market.serve(100)
    assert reader.frames == [{"tiny": [{"s": "1", "q": 1, "a": 1}]}]
    for tick in range(101, 105):
        market.change(1, a=tick)
        market.change(2, b=tick)
        market.serve(tick)
    assert len(reader.frames) == 1
    market.serve(105)
    assert reader.frames[1:] == [{"tiny": [{"s": "1", "q": 5, "a": 104}, {"s": "2", "q": 4, "b": 104}]}]
    market.serve(200)
    assert len(reader.frames) == 2, "what did not change is sent again"


def test_of_several_changes_each_field_comes_once_with_its_latest_value() -> None:
    market = TinyMarket()
    reader = market.watching(1)
    market.serve(0)
    market.change(1, a=1)
    market.change(1, b=2)
    market.change(1, a=3)
    market.serve(1)
    assert reader.frames == [{"tiny": [{"s": "1", "q": 3, "a": 3, "b": 2}]}]


@pytest.mark.parametrize("interval_ticks", [1, 2, 5, 50])
def test_a_client_gets_frames_at_its_own_interval(interval_ticks: int) -> None:
    market = TinyMarket()
    reader = market.watching(1, interval_ticks=interval_ticks)
    assert ticks_of_frames(market, reader, 200) == list(range(0, 200, interval_ticks))


def test_clients_of_many_rates_share_a_fan_out() -> None:
    market = TinyMarket()
    readers = {interval: market.watching(1, interval_ticks=interval) for interval in (1, 3, 5, 10, 100)}
    ticks_of_frames(market, readers[1], 300)
    assert {interval: len(reader.frames) for interval, reader in readers.items()} == {
        1: 300, 3: 100, 5: 60, 10: 30, 100: 3,
    }  # fmt: skip
    market.serve(400)
    assert all(reader.held == market.known(reader) for reader in readers.values())


def test_a_client_that_changes_its_pace_is_served_so_from_its_next_frame_on() -> None:
    market = TinyMarket()
    reader = market.watching(1, interval_ticks=5)
    assert ticks_of_frames(market, reader, 11) == [0, 5, 10]
    market.fan_out.pace(reader.client, 20)
    assert ticks_of_frames(market, reader, 60) == [15, 35, 55]


def test_no_client_gets_frames_faster_than_the_least_interval_of_all() -> None:
    market = TinyMarket()
    fast, slow = market.watching(1, interval_ticks=5), market.watching(1, interval_ticks=20)
    for tick in range(100):
        market.change(1, a=tick)
        market.serve(tick, at_least_ticks=10)
    assert (len(fast.frames), len(slow.frames)) == (10, 5)


def test_a_symbol_has_a_pace_of_its_own_beside_its_connection_s() -> None:
    market = TinyMarket()
    reader = market.watching(1, 2, interval_ticks=5)
    market.subscribe(reader, 3, every_ticks=20)
    for tick in range(100):
        for number in (1, 2, 3):
            market.change(number, a=tick)
        market.serve(tick)
    frames = [symbols(frame) for frame in reader.entries()]
    assert len(frames) == 20
    assert [("3" in frame) for frame in frames] == [True, False, False, False] * 5
    assert all({"1", "2"} <= set(frame) for frame in frames)
    market.fan_out.pace_topics(reader.client, places(reader.watched[0, 3], reader.watched[0, 1]), 0)
    market.change(3, a=-1)
    market.serve(100)
    assert "3" in symbols(reader.entries()[-1])
    market.serve(150)
    assert reader.held == market.known(reader)


def test_an_own_pace_may_come_later_and_concerns_nobody_else() -> None:
    market = TinyMarket()
    reader, other = market.watching(1, 2, interval_ticks=1), market.watching(1, interval_ticks=1)
    assert len(ticks_of_frames(market, reader, 10)) == 10
    market.fan_out.pace_topics(reader.client, places(reader.watched[0, 1]), 50)
    for tick in range(10, 110):
        market.change(1, a=tick)
        market.change(2, a=tick)
        market.serve(tick)
    assert sum("1" in symbols(frame) for frame in reader.entries()) == 10 + 2
    assert sum("2" in symbols(frame) for frame in reader.entries()) == 100
    assert len(other.frames) == 110


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (255, [255]), (256, [256]), (257, [256, 1]), (600, [256, 256, 88])]
)
def test_a_frame_has_so_many_entries_at_most(count: int, sizes: list[int]) -> None:
    market = TinyMarket()
    few, many = market.watching(0), market.watching(*range(count))
    last = market.watching(0, 1)
    for number in range(count):
        market.change(number, a=1)
    market.serve(0)
    assert [len(frame) for frame in many.entries()] == sizes
    assert [entry["s"] for frame in many.entries() for entry in frame] == [str(number) for number in range(count)]
    assert max(sizes) <= MAX_ENTRIES_PER_FRAME
    assert [len(frame) for frame in few.entries()] == [1]
    assert last.held == market.known(last)
    assert market.fan_out.sent.frames == len(sizes) + 2


def test_who_cannot_be_written_to_gets_the_latest_of_everything_later() -> None:
    market = TinyMarket()
    stuck, other = market.watching(1, 2), market.watching(1, 2)
    stuck.reads = False
    for tick in range(50):
        market.change(1 + tick % 2, **{"abc"[tick % 3]: tick})
        market.serve(tick)
        assert stuck.frames == []
    assert len(other.frames) == 10
    stuck.reads = True
    market.serve(10_000)
    assert stuck.held == market.known(stuck)
    assert [len(frame) for frame in stuck.entries()] == [2], "one frame makes up for all"
    sent = market.fan_out.sent
    assert sent.frames == len(other.frames) + 1
    assert sent.updates == sum(len(frame) for frame in other.entries()) + 2
    assert sent.bytes == sum(other.sizes) + sum(stuck.sizes)
    assert sent.skipped > 0


def test_of_several_frames_those_that_went_are_not_sent_again() -> None:
    market = TinyMarket()
    reader = market.join(interval_ticks=1)
    takes = iter([True, False, True])

    def send(frame: bytes) -> bool:
        return next(takes, True) and reader.send(frame)

    reader.client = market.fan_out.join(send, 1)
    market.subscribe(reader, *range(600))
    for number in range(600):
        market.change(number, a=7)
    market.serve(0)
    assert [len(frame) for frame in reader.entries()] == [256, 88]
    assert market.fan_out.has_pending()
    market.serve(1000)
    assert [len(frame) for frame in reader.entries()] == [256, 88, 256]
    assert reader.held == market.known(reader)
    assert not market.fan_out.has_pending()


def test_a_client_that_takes_some_frames_is_no_stalled_one() -> None:
    market = TinyMarket()
    reader = market.join(interval_ticks=1)
    takes = [True]

    def send(frame: bytes) -> bool:
        takes[0] = not takes[0]
        return takes[0] and reader.send(frame)

    reader.client = market.fan_out.join(send, 1)
    market.subscribe(reader, *range(600))
    for tick in range(0, 3000, 100):
        for number in range(600):
            market.change(number, a=tick)
        market.serve(tick)
    assert len(reader.frames) > 30
    assert market.fan_out.stalled(1500) == []


def test_who_does_not_read_is_tried_less_and_less_often_to_a_bound() -> None:
    market = TinyMarket()
    reader = market.join()
    tried: list[int] = []
    now = 0

    def refuse(_: bytes) -> bool:
        tried.append(now)
        return False

    reader.client = market.fan_out.join(refuse, 5)
    market.subscribe(reader, 1)
    for now in range(400):  # noqa: B007  # `refuse` reads it
        market.change(1, a=now)
        market.serve(now)
    assert tried == [0, 20, 60, 140, 220, 300, 380]
    assert market.fan_out.slow_clients == 1


def test_who_reads_again_is_sped_up_a_step_at_a_time() -> None:
    market = TinyMarket()
    reader = market.watching(1, interval_ticks=5)
    reader.reads = False
    for tick in (0, 20, 60, 140):
        market.change(1, a=tick)
        market.serve(tick)
    assert market.fan_out.slow_clients == 1
    reader.reads = True
    came = ticks_of_frames(market, reader, 400)
    assert came[0] == 140 + 16 * 5
    assert np.diff(came).tolist()[:6] == [8 * 5, 4 * 5, 2 * 5, 5, 5, 5]
    assert market.fan_out.slow_clients == 0


def test_a_stalled_client_is_listed_by_when_it_began_and_no_more_once_it_reads() -> None:
    market = TinyMarket()
    stuck, other = market.watching(1), market.watching(1)
    stuck.reads = False
    for tick in range(10, 500):
        market.change(1, a=tick)
        market.serve(tick)
    assert market.fan_out.stalled(9) == []
    assert market.fan_out.stalled(10) == [stuck.client]
    assert other.client not in market.fan_out.stalled(10**9)
    stuck.reads = True
    market.serve(10_000)
    assert market.fan_out.stalled(10**9) == []


def test_a_client_that_stalled_and_left_is_not_listed_nor_is_whoever_has_its_number_next() -> None:
    market = TinyMarket()
    stuck = market.watching(1)
    stuck.reads = False
    market.change(1, a=1)
    market.serve(0)
    assert (market.fan_out.stalled(0), market.fan_out.slow_clients) == ([stuck.client], 1)
    market.leave(stuck)
    assert (market.fan_out.stalled(10**9), market.fan_out.slow_clients) == ([], 0)
    newcomer = market.watching(1)
    assert newcomer.client == stuck.client
    assert market.fan_out.stalled(10**9) == []
    market.change(1, a=2)
    market.serve(1)
    assert len(newcomer.frames) == 1, "it is served as anybody, at once"


def test_what_is_suspended_is_not_sent_and_comes_back_whole() -> None:
    market = TinyMarket()
    market.change(1, a=1, b=1, c=1)
    market.change(2, a=1)
    reader = market.watching(1, 2, interval_ticks=1)
    topic = reader.watched[0, 1]
    market.change(1, a=2)
    market.fold()
    market.fan_out.subscriptions.mark(market.topics.take_fresh())
    suspend(market, topic)
    for tick in range(5):
        market.change(1, b=tick + 2)
        market.change(2, a=tick + 2)
        market.serve(tick)
    assert [symbols(frame) for frame in reader.entries()] == [["2"]] * 5
    assert not market.fan_out.has_pending()
    resume(market)
    market.serve(5)
    assert reader.frames[-1] == {"tiny": [{"s": "1", "q": 7, "a": 2, "b": 6, "c": 1}]}
    assert reader.held == market.known(reader)


def test_what_stood_still_while_it_was_suspended_is_not_sent_again() -> None:
    market = TinyMarket()
    market.change(1, a=1)
    reader = market.watching(1)
    suspend(market, reader.watched[0, 1])
    resume(market)
    market.serve(0)
    assert reader.frames == []
    assert not market.fan_out.has_pending()


def test_once_everything_was_suspended_nothing_is_left_pending_that_nobody_watches() -> None:
    """Topic 0 and the empty rows are nobody's."""
    market = TinyMarket()
    reader = market.watching(1)
    market.topics.suspended[:] = True
    market.fan_out.suspend()
    market.change(1, a=1)
    market.serve(0)
    resume(market)
    market.serve(1)
    assert len(reader.frames) == 1
    assert not market.fan_out.has_pending()


def suspend(market: TinyMarket, *topics: int) -> None:
    market.topics.suspended[list(topics)] = True
    market.fan_out.suspend()


def resume(market: TinyMarket) -> None:
    before = market.topics.suspended
    market.topics.suspended = np.zeros_like(before)
    market.fan_out.resume(before)


def test_a_full_image_that_is_owed_goes_with_the_next_change_and_once() -> None:
    market = TinyMarket()
    market.change(1, a=1, b=2, c=3)
    reader, other = market.watching(1, 2, interval_ticks=1), market.watching(1, interval_ticks=1)
    market.fan_out.owe(reader.client, places(reader.watched[0, 1]))
    market.serve(0)
    assert reader.frames == [], "by itself it is no reason to send"
    market.change(1, a=4)
    market.change(2, a=5)
    market.serve(1)
    market.change(1, a=6)
    market.serve(2)
    whole = {"s": "1", "q": 2, "a": 4, "b": 2, "c": 3}
    assert reader.entries() == [[whole, {"s": "2", "q": 1, "a": 5}], [{"s": "1", "q": 3, "a": 6}]]
    assert other.entries()[0] == [{"s": "1", "q": 2, "a": 4}]


def test_full_images_may_be_owed_to_a_range_of_rows_beyond_the_last_too() -> None:
    market = TinyMarket(TinyChannel(), TinyLog("log"))
    market.change(1, a=1, b=2, c=3)
    reader = market.watching(1)
    market.subscribe(reader, 1, channel=1)
    market.fan_out.owe_full(slice(0, 10**6))
    market.change(1, a=2)
    market.change(1, channel=1)
    market.serve(0)
    assert reader.frames == [
        {
            "tiny": [{"s": "1", "q": 2, "a": 2, "b": 2, "c": 3}],
            "log": [{"s": "1", "q": 1, "missed": 0, "items": [0]}],
        }
    ]
    market.fan_out.owe_full(slice(10**6, 10**6 + 5))


def test_an_image_that_could_not_be_written_is_still_owed() -> None:
    market = TinyMarket()
    market.change(1, a=1, b=2, c=3)
    reader = market.watching(1)
    market.fan_out.owe(reader.client, places(reader.watched[0, 1]))
    reader.reads = False
    market.change(1, a=2)
    market.serve(0)
    reader.reads = True
    market.serve(1000)
    assert reader.entries() == [[{"s": "1", "q": 2, "a": 2, "b": 2, "c": 3}]]


def test_of_a_log_everybody_gets_what_came_since_his_own_last_entry() -> None:
    market = TinyMarket(TinyLog("log"))
    fast, slow = market.watching(1, interval_ticks=1), market.watching(1, interval_ticks=10)
    stuck = market.watching(1, interval_ticks=1)
    stuck.reads = False
    for tick in range(31):
        market.change(1)
        market.serve(tick)
    assert [entry[0]["items"] for entry in fast.entries("log")] == [[at] for at in range(31)]
    assert [len(entry[0]["items"]) for entry in slow.entries("log")] == [1, 10, 10, 10]
    stuck.reads = True
    market.serve(1000)
    (late,) = stuck.entries("log")[0]
    assert (late["missed"], late["items"], late["q"]) == (11, list(range(11, 31)), 31)
    assert market.fan_out.sent.updates == 31 + 4 + 1


@WIRES
def test_what_changed_in_several_channels_goes_in_one_frame(wire: Wire) -> None:
    market = TinyMarket(TinyChannel("one"), TinyLog("log"), TinyChannel("two"), wires=[wire])
    both, only, plain = market.watching(1, 2), market.watching(1, channel=2), market.watching(1)
    market.subscribe(both, 1, channel=2)
    market.subscribe(both, 2, channel=1)
    for channel in range(3):
        for number in (1, 2):
            market.change(number, channel, a=channel + number)
    market.serve(0)
    assert both.frames == [
        {
            "one": [{"s": "1", "q": 1, "a": 1}, {"s": "2", "q": 1, "a": 2}],
            "two": [{"s": "1", "q": 1, "a": 3}],
            "log": [{"s": "2", "q": 1, "missed": 0, "items": [0]}],
        }
    ]
    assert only.frames == [{"two": [{"s": "1", "q": 1, "a": 3}]}]
    assert plain.frames == [{"one": [{"s": "1", "q": 1, "a": 1}]}]


def test_a_change_that_a_client_has_with_its_snapshot_is_not_sent_to_it() -> None:
    market = TinyMarket()
    early = market.watching(1)
    market.change(1, a=1)
    late = market.watching(1)
    assert late.held["tiny"]["1"]["a"] == 1
    market.serve(0)
    assert (len(early.frames), late.frames) == (1, [])
    assert not market.fan_out.has_pending()


def test_who_was_further_at_another_gateway_is_sent_nothing_until_this_one_is() -> None:
    market = TinyMarket()
    market.change(1, a=1)
    reader = market.watching(1, interval_ticks=1)
    topic = places(reader.watched[0, 1])
    market.fan_out.subscriptions.acknowledge(reader.client, topic, np.array([4]))
    market.fan_out.owe(reader.client, topic)
    reader.held["tiny"]["1"]["q"] = 4
    for tick in range(4):
        market.change(1, b=tick)
        market.serve(tick)
    assert reader.frames == [{"tiny": [{"s": "1", "q": 5, "a": 1, "b": 3, "c": 0}]}], "and then all of it"


def test_what_is_not_watched_any_more_is_not_sent() -> None:
    market = TinyMarket()
    reader, gone = market.watching(1, 2), market.watching(1, 2)
    for number in (1, 2):
        market.change(number, a=1)
    market.unsubscribe(reader, 1)
    market.leave(gone)
    market.serve(0)
    assert [symbols(frame) for frame in reader.entries()] == [["2"]]
    assert gone.frames == []
    market.unsubscribe(reader, 2)
    assert len(market.topics) == 0
    market.subscribe(reader, 1)
    market.change(1, b=1)
    market.serve(100)
    assert reader.held == market.known(reader)


def test_a_number_that_is_free_again_knows_nothing_of_whose_it_was() -> None:
    market = TinyMarket()
    first = market.watching(1, 2, interval_ticks=1000)
    market.change(1, a=1)
    market.serve(0)
    market.leave(first)
    second = market.watching(2, interval_ticks=1)
    assert second.client == first.client
    for tick in range(1, 4):
        market.change(1, a=tick)
        market.change(2, a=tick)
        market.serve(tick)
    assert len(second.frames) == 3
    assert len(first.frames) == 1


def test_it_tells_what_it_has_written() -> None:
    market = TinyMarket()
    reader, stuck = market.watching(1, 2), market.watching(3)
    stuck.reads = False
    for number in (1, 2, 3):
        market.change(number, a=1)
    market.serve(0)
    assert sorted(market.written) == sorted(reader.watched.values())


def test_whether_anybody_is_idle() -> None:
    market = TinyMarket()
    assert not market.fan_out.is_any_idle(0), "nobody is not idle"
    reader = market.watching(1, interval_ticks=5)
    assert market.fan_out.is_any_idle(0)
    market.change(1, a=1)
    market.serve(10)
    assert [market.fan_out.is_any_idle(tick) for tick in (10, 14, 15)] == [False, False, True]
    market.leave(reader)
    assert not market.fan_out.is_any_idle(1000)


def test_a_round_is_over_when_every_slice_was_served_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions_module, "SLICE_ROWS", 64)
    market = TinyMarket()
    readers = [market.watching(*range(10), interval_ticks=1) for _ in range(100)]
    for number in range(10):
        market.change(number, a=1)
    market.fold()
    market.fan_out.subscriptions.mark(market.topics.take_fresh())
    assert not market.fan_out.serve(0, 1), "there is no round yet"
    market.fan_out.begin_round()
    served = [0]
    while market.fan_out.serve(0, 1):
        served.append(sum(bool(reader.frames) for reader in readers))
    assert len(served) == len(market.fan_out.subscriptions.slices())
    assert all(later - earlier <= 64 // 10 for earlier, later in zip(served, served[1:], strict=False))
    assert [len(reader.frames) for reader in readers] == [1] * 100
    assert not market.fan_out.has_pending()


def test_thousands_come_and_go() -> None:
    market = TinyMarket()
    random = np.random.default_rng(9)
    readers = [market.watching(*random.choice(500, 10, replace=False).tolist(), interval_ticks=1) for _ in range(3000)]
    for tick in range(4):
        for number in range(0, 500, 3):
            market.change(number, a=tick, b=number)
        for reader in readers[tick::4][:300]:
            market.leave(reader)
            readers.remove(reader)
        readers += [market.watching(*random.choice(500, 10, replace=False).tolist()) for _ in range(300)]
        market.serve(10 * tick)
    market.serve(10_000)
    assert len(readers) == len(market.fan_out.subscriptions) / 10 == 3000
    assert all(reader.held == market.known(reader) for reader in readers)
    assert market.fan_out.snapshot(places(), np.zeros(0, np.int64)) == []
    assert ALL == market.channels[0].full_mask
