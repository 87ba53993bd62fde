"""Clients that do not read: what they miss costs nobody anything, and they get the latest when they read again."""

from collections import Counter

import numpy as np

from tests.unit.gateway.tiny_market import TinyMarket, ticks_of_frames


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
    takes = iter([True, False])

    def send(frame: bytes) -> bool:
        return next(takes, True) and reader.send(frame)

    reader.client = market.fan_out.join(send, 1)
    market.subscribe(reader, *range(600))
    for number in range(600):
        market.change(number, a=7)
    market.serve(0)
    assert [len(frame) for frame in reader.entries()] == [256], (
        "after one that it does not take there is no use in more"
    )
    assert market.fan_out.has_pending()
    market.serve(1000)
    assert [len(frame) for frame in reader.entries()] == [256, 256, 88]
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
    assert len(reader.frames) > 20
    assert market.fan_out.stalled(1500) == []


def test_of_a_client_that_takes_one_frame_at_a_time_no_symbol_is_left_out() -> None:
    """While everything changes all the time the first of its symbols must not come before the last for ever."""
    market = TinyMarket()
    reader = market.join()
    takes = [True]

    def send(frame: bytes) -> bool:
        took, takes[0] = takes[0], False
        return took and reader.send(frame)

    reader.client = market.fan_out.join(send, 1)
    market.subscribe(reader, *range(600))
    for turn in range(9):
        for number in range(600):
            market.change(number, a=turn)
        takes[0] = True
        market.serve(1000 * turn)
    told = Counter(entry["s"] for frame in reader.entries() for entry in frame)
    assert len(told) == 600
    assert max(told.values()) - min(told.values()) <= 1


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
    for now in range(400):  # `refuse` reads it
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
