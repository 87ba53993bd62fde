"""The simulated market's promises, for any seed, rate, size and start."""

import itertools
from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market import rows
from market.codes import Kind
from market.row_type import Rows
from workers.feed.adapter import Batch, FeedSpec
from workers.feed.sim import from_spec
from workers.feed.sim.books import BOOK_ROWS, LEVELS

YEAR_2020_S, YEAR_2040_S = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2020, 2040))

markets = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "rate": st.sampled_from([10, 500, 30_000, 1_000_000]),
        "symbols": st.sampled_from([1, 7, 500, 1500]),
        "profile": st.sampled_from(["day", "flat"]),
        "depth_ms": st.sampled_from([5, 20, 100]),
    }
)
starts_ns = st.integers(YEAR_2020_S * 10**9, YEAR_2040_S * 10**9)


def pull(options: dict[str, object], start_ns: int, batches: int, lag_ns: int = 0) -> list[Batch]:
    """The first batches of a market whose consumer is always `lag_ns` late."""
    clock = [start_ns]
    spec = FeedSpec("sim", "", {name: str(value) for name, value in options.items()})
    found = []
    for batch in itertools.islice(from_spec(spec).batches(lambda: clock[0]), batches):
        found.append(batch)
        clock[0] = max(clock[0], batch.due_ns + lag_ns if batch.due_ns else 0)
    return found


@settings(max_examples=25, deadline=None)
@given(markets, starts_ns)
def test_any_market_keeps_its_promises_in_replay_order(options: dict[str, object], start_ns: int) -> None:
    replay = Replay(pull(options, start_ns, 12), options["symbols"])
    replay.check()


@settings(max_examples=10, deadline=None)
@given(markets, starts_ns, st.integers(0, 900_000_000))
def test_rows_do_not_depend_on_the_consumers_pace(options: dict[str, object], start_ns: int, lag_ns: int) -> None:
    options["profile"] = "flat"
    on_time, late = (pull({**options, "time": "2026-03-27T10:00"}, start_ns, 8, lag) for lag in (0, lag_ns))
    for one, other in zip(on_time, late, strict=True):
        assert one.events.tobytes() == other.events.tobytes()
        assert one.levels.tobytes() == other.levels.tobytes()


class Replay:
    """Reads batches row by row, the slow and obvious way, as the exchange's own words."""

    def __init__(self, batches: list[Batch], symbols: int) -> None:
        self.batches, self.symbols = batches, symbols
        self.quote: dict[int, tuple[float, float, float, float]] = {}
        self.times: dict[int, int] = {}
        self.ids: dict[int, int] = {}

    def check(self) -> None:
        assert len(self.batches[0].listed) == self.symbols
        ticks = [listing.tick_size for listing in self.batches[0].listed]
        for batch in self.batches:
            rows.read_events(batch.events.tobytes())
            rows.LEVEL.read(batch.levels.tobytes())
            times = batch.events["ts_event"].astype(np.int64)
            assert np.all(np.diff(times) >= 0)
            for event in batch.events.tolist():
                _, _, instrument, _, ts_event, _ = event
                assert ts_event > self.times.get(instrument, 0)
                self.times[instrument] = ts_event
            self._check_values(batch.events, ticks)
            self._check_levels(batch.levels, ticks)

    def _check_values(self, events: Rows, ticks: list[float]) -> None:
        quotes, quoted = rows.of_kind(events, Kind.QUOTE)
        trades, traded = rows.of_kind(events, Kind.TRADE)
        assert len(quotes) + len(trades) == len(events)
        ordered = sorted([*zip(quoted, quotes.tolist(), strict=True), *zip(traded, trades.tolist(), strict=True)])
        for _, (kind, flags, instrument, _, _, _, *values) in ordered:
            assert flags == 0
            assert on_grid(values[0], ticks[instrument])
            if kind == Kind.QUOTE:
                bid, bid_size, ask, ask_size = values
                assert 0 < bid < ask
                assert on_grid(ask, ticks[instrument])
                assert all(size > 0 and size % 100 == 0 for size in (bid_size, ask_size))
                self.quote[instrument] = (bid, bid_size, ask, ask_size)
                continue
            price, size, trade_id, conditions = values
            if instrument in self.quote:
                assert self.quote[instrument][0] <= price <= self.quote[instrument][2]
            assert size >= 1
            assert conditions == (2 if size < 100 else 0)
            assert trade_id > self.ids.get(instrument, 0)
            self.ids[instrument] = trade_id

    def _check_levels(self, levels: Rows, ticks: list[float]) -> None:
        assert len(levels) % BOOK_ROWS == 0
        for book in levels.reshape(-1, 2, LEVELS):
            instrument = int(book["instrument"][0, 0])
            bid, bid_size, ask, ask_size = self.quote[instrument]
            assert np.all(book["instrument"] == instrument)
            assert book["side"].tolist() == [[0] * LEVELS, [1] * LEVELS]
            assert book["level"].tolist() == [list(range(LEVELS))] * 2
            assert book["price"][:, 0].tolist() == [bid, ask]
            assert book["size"][:, 0].tolist() == [bid_size, ask_size]
            assert np.all(np.diff(book["price"][0]) < 0)
            assert np.all(np.diff(book["price"][1]) > 0)
            assert all(on_grid(price, ticks[instrument]) for price in book["price"].ravel().tolist())
            assert np.all(book["price"] > 0)
            assert np.all(book["size"] >= 100)
            assert np.all((book["orders"] >= 1) & (book["orders"] * 100.0 <= book["size"]))
            assert np.all(book["ts_event"] >= self.times[instrument])


def on_grid(price: float, tick: float) -> bool:
    """Whether a price is the float nearest to a whole number of ticks."""
    return price == round(price, 2 if tick == 0.01 else 4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 50, 100]), st.sampled_from([2_000, 100_000]))
def test_a_book_comes_at_most_once_a_window_and_grows_away_from_the_touch(seed: int, depth_ms: int, rate: int) -> None:
    options = {"seed": seed, "rate": rate, "profile": "flat", "depth_ms": depth_ms}
    batches = pull(options, YEAR_2020_S * 10**9, 80)
    sent: dict[int, int] = {}
    for batch in batches:
        tops = batch.levels.reshape(-1, BOOK_ROWS)[:, 0]
        for instrument, ts_event in zip(tops["instrument"].tolist(), tops["ts_event"].tolist(), strict=True):
            assert ts_event - sent.get(instrument, 0) >= depth_ms * 1_000_000
            sent[instrument] = ts_event
    levels = np.concatenate([batch.levels for batch in batches])
    sizes = levels["size"].reshape(-1, LEVELS).mean(axis=0)
    assert sizes[9] > 2 * sizes[1]
    quoted = {int(key) for batch in batches[:40] for key in batch.events["instrument"]}
    assert quoted <= set(sent)
