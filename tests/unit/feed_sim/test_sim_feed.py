"""The feed through the adapter's contract: opening, folding, resuming, lateness, pace."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from market import rows
from market.codes import Kind
from market.row_type import Rows
from market.state import MarketState
from market.trading_day import TradingDays
from workers.feed.adapter import Batch, FeedSpec
from workers.feed.sim import SimFeed, from_spec
from workers.feed.sim.feed import SKIPPED

START_NS = int(datetime(2026, 3, 27, 13, 30, tzinfo=UTC).timestamp()) * 10**9  # Friday, 09:30 in New York
S = 10**9
SLICE_NS = 5_000_000


def feed(options: str) -> SimFeed:
    return from_spec(FeedSpec.parse(f"sim:{options}"))


class OnTime:
    """A wall clock that is always where the last batch was due."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def pull(self, source: SimFeed, until_ns: int) -> Iterator[Batch]:
        for batch in source.batches(self):
            yield batch
            self.now_ns = max(self.now_ns, batch.due_ns)
            if batch.due_ns >= until_ns:
                return


def fold(batches: Iterable[Batch], symbols: int, state: MarketState | None = None) -> MarketState:
    state = state or MarketState(1, TradingDays("America/New_York"))
    state.reserve(symbols)
    for batch in batches:
        batch.events["ts_recv"] = batch.events["ts_event"]
        if len(batch.events):
            state.apply(batch.events)
    return state


def test_the_first_batch_lists_everything_and_brings_the_previous_close() -> None:
    first, second = itertools.islice(feed("time=2026-03-30T09:30").batches(OnTime()), 2)
    assert (len(first.listed), first.due_ns) == (500, 0)
    assert second.listed == ()
    friday = int(datetime(2026, 3, 27, 20, tzinfo=UTC).timestamp()) * S
    assert set(first.events["ts_event"].tolist()) == {friday}
    assert set(first.events["kind"].tolist()) == {Kind.TRADE}
    assert np.sum(second.events["kind"] == Kind.QUOTE) == np.sum(second.events["kind"] == Kind.TRADE) == 500


def test_folded_states_show_a_whole_day_from_the_first_moment() -> None:
    clock = OnTime()
    table = fold(clock.pull(feed("time=now,rate=20000"), START_NS + 2 * S), 500).snapshot()
    reference = [float(trade["price"]) for trade in _previous_closes()]
    assert table["prev_close"].tolist() == reference
    assert np.all(table["low"] <= table["open"])
    assert np.all(table["open"] <= table["high"])
    assert np.all((table["low"] <= table["last"]) & (table["last"] <= table["high"]))
    assert np.all(table["bid"] < table["ask"])
    change = table["last"] / table["prev_close"] - 1
    assert np.abs(change).max() < 0.07
    assert np.mean(change != 0) > 0.9
    assert np.all(table["volume"] >= 100)
    assert table["volume"][0] > 20 * np.median(table["volume"])


def _previous_closes() -> Rows:
    first = next(iter(feed("time=now").batches(OnTime())))
    return rows.of_kind(first.events, Kind.TRADE)[0]


@pytest.mark.parametrize(("options", "slice_ns"), [("", SLICE_NS), (",slice_ms=20", 4 * SLICE_NS)])
def test_batches_come_one_per_slice_each_due_when_it_is_over(options: str, slice_ns: int) -> None:
    clock = OnTime()
    live = list(clock.pull(feed(f"rate=2000,profile=flat{options}"), START_NS + S))[2:]
    due = np.array([batch.due_ns for batch in live])
    assert np.all(np.diff(due) == slice_ns)
    for batch in live:
        assert np.all(batch.events["ts_event"] < batch.due_ns)
        assert np.all(batch.events["ts_event"] >= batch.due_ns - slice_ns)
    assert sum(len(batch.events) for batch in live[: S // 2 // slice_ns]) == 1000


def test_a_given_time_runs_as_fast_as_the_wall_clock() -> None:
    wall_ns = START_NS + 7 * 3600 * S
    clock = OnTime(wall_ns)
    batches = list(clock.pull(feed("time=09:30,rate=2000"), wall_ns + S // 10))[2:]
    for batch in batches:
        assert np.all(
            np.abs(batch.due_ns - batch.events["ts_event"].astype(np.int64) - (wall_ns - START_NS)) <= 2 * SLICE_NS
        )


def test_an_almost_silent_feed_yields_only_what_happened() -> None:
    clock = OnTime()
    live = list(clock.pull(feed("rate=10,profile=flat,depth_ms=0"), START_NS + 2 * S))[2:]
    assert {len(batch.events) for batch in live} == {1}
    assert len(live) == pytest.approx(20, abs=1)


def test_the_same_options_give_the_same_rows_and_another_seed_others() -> None:
    def events(seed: int) -> bytes:
        clock = OnTime()
        pulled = clock.pull(feed(f"seed={seed},rate=50000,symbols=700"), START_NS + S // 10)
        return b"".join(batch.events.tobytes() + batch.levels.tobytes() for batch in pulled)

    assert events(1) == events(1)
    assert events(1) != events(2)


def test_late_slices_are_left_out_and_counted() -> None:
    source, clock = feed("rate=2000,profile=flat"), OnTime()
    stream = source.batches(clock)
    for _ in range(10):
        clock.now_ns = max(clock.now_ns, next(stream).due_ns)
    due_ns = clock.now_ns
    clock.now_ns += S
    assert next(stream).due_ns == due_ns + SLICE_NS
    assert source.faults.counts == {}
    clock.now_ns = due_ns + 60 * S
    batch = next(stream)
    assert clock.now_ns - SLICE_NS < batch.due_ns <= clock.now_ns
    assert source.faults.counts == {SKIPPED: (60 * S - 2 * SLICE_NS) // SLICE_NS}
    assert f"{SKIPPED}: " in source.faults.last
    assert next(stream).due_ns == batch.due_ns + SLICE_NS


def test_listing_slowly_leaves_nothing_out() -> None:
    source, clock = feed("rate=2000"), OnTime()
    stream = source.batches(clock)
    next(stream)
    clock.now_ns += 30 * S
    for _ in range(20):
        assert next(stream).due_ns > clock.now_ns
    assert source.faults.counts == {}


def resumed(options: str, state: MarketState, clock: OnTime) -> list[Batch]:
    source = feed(options)
    listed = next(iter(feed(options).batches(clock))).listed
    source.resume({str(listing.key): row for listing, row in zip(listed, state.snapshot(), strict=True)})
    return list(clock.pull(source, clock.now_ns + S // 2))


def test_a_restart_goes_on_from_the_last_prices() -> None:
    clock = OnTime()
    state = fold(clock.pull(feed("seed=1,rate=20000"), START_NS + 5 * S), 500)
    before = state.snapshot()
    clock.now_ns += 3 * S
    batches = resumed("seed=2,rate=2000", state, clock)
    assert len(batches[0].listed) == 500
    assert len(batches[0].events) == 0
    quotes, _ = rows.of_kind(batches[1].events, Kind.QUOTE)
    assert len(quotes) == len(batches[1].events) == 500
    drift = (quotes["bid"] + quotes["ask"]) / (before["bid"] + before["ask"]) - 1
    assert np.abs(drift).max() < 0.003
    after = fold(batches, 500, state).snapshot()
    for kept in ("open", "prev_close"):
        assert np.array_equal(after[kept], before[kept])
    assert np.all(after["ts_event"] > before["ts_event"])


def test_a_restart_at_a_given_time_does_not_go_back_in_time_or_trade_ids(caplog: pytest.LogCaptureFixture) -> None:
    clock = OnTime()
    first = list(clock.pull(feed("time=09:30,rate=20000"), START_NS + 5 * S))
    batches = resumed("time=09:30,rate=2000", fold(first, 500), clock)
    assert min(batch.events["ts_event"].min() for batch in batches[1:]) > first[-1].events["ts_event"].max()
    assert "goes on from" in caplog.text
    ids = [rows.of_kind(batch.events, Kind.TRADE)[0]["trade_id"] for batch in (*first, *batches)]
    firsts = np.concatenate(ids[: len(first)])
    assert np.concatenate(ids[len(first) :]).min() > firsts.max()
    assert firsts.max() < 2**53


@pytest.mark.parametrize("price", [float("nan"), 0.5, -3.0, 1e300])
def test_an_instrument_without_a_plausible_price_starts_anew(price: float) -> None:
    clock = OnTime()
    state = rows.STATE.blank(3)
    for name in ("bid", "ask", "last"):
        state[name] = [182.0, price, 2000.0]
    state["ask"] += 0.01
    source = feed("symbols=3")
    source.resume(dict(zip(("XNAS:NVDA", "XNAS:TSLA", "XNAS:NONE"), state, strict=True)))
    first, second = itertools.islice(source.batches(clock), 2)
    assert sorted(first.events["instrument"].tolist()) == [0, 2]
    quotes, _ = rows.of_kind(second.events, Kind.QUOTE)
    assert float(quotes["bid"][1]) == pytest.approx(182, abs=0.05)
    assert float(quotes["bid"][2]) == pytest.approx(346, rel=0.06)


def test_a_price_far_from_the_universes_is_gone_on_from() -> None:
    clock = OnTime()
    state = rows.STATE.blank(1)
    state["bid"], state["ask"], state["last"] = np.nan, np.nan, 1000.0
    source = feed("symbols=1")
    source.resume({"ARCX:SPY": state[0]})
    last = fold(clock.pull(source, START_NS + S), 1).snapshot()
    assert float(last["bid"][0]) == pytest.approx(1000, rel=0.002)


def test_midnight_in_new_york_makes_the_last_price_the_previous_close() -> None:
    midnight_ns = int(datetime(2026, 3, 28, 4, tzinfo=UTC).timestamp()) * S
    clock = OnTime(midnight_ns - S)
    batches = list(clock.pull(feed("rate=100000,symbols=20"), midnight_ns + S))
    days = [set((batch.events["ts_event"].astype(np.int64) >= midnight_ns).tolist()) for batch in batches]
    assert all(len(day) == 1 for day in days)
    turn = days.index({True})
    state = fold(batches[:turn], 20)
    before = state.snapshot()
    after = fold(batches[turn:], 20, state).snapshot()
    assert np.array_equal(after["prev_close"], before["last"])
    assert not np.array_equal(before["prev_close"], before["last"])


def test_depth_can_be_turned_off() -> None:
    clock = OnTime()
    assert all(len(batch.levels) == 0 for batch in clock.pull(feed("depth_ms=0"), START_NS + S))
