"""The exchange by itself, in slices of a minute: days of its market in a moment."""

import numpy as np
import pytest

from market import rows
from market.codes import Kind
from workers.feed.sim.exchange import Exchange
from workers.feed.sim.universe import load

MINUTE_NS = 60 * 10**9
START = 1_774_618_200 // 60  # 2026-03-27 09:30 in New York, in minutes since 1970


def closes(seed: int, symbols: int, slices: int, events: int, slice_ns: int = MINUTE_NS) -> np.ndarray:
    """The mid of every instrument after each slice, as quoted: [slices, symbols]."""
    exchange = Exchange(load(symbols), seed, np.full(symbols, np.nan), START * MINUTE_NS)
    first, found = START * MINUTE_NS // slice_ns, np.empty((slices, symbols))
    exchange.open(first, slice_ns)
    for at in range(slices):
        exchange.draws.enter(first + 1 + at)
        exchange.trade(first + 1 + at, slice_ns, events)
        last = exchange.quotes.last
        found[at] = (last.bid + last.spread / 2) / exchange.quotes.per_dollar
    return found


def test_prices_are_believable_after_days() -> None:
    universe = load(600)
    mids = closes(seed=11, symbols=600, slices=3 * 144, events=3000, slice_ns=10 * MINUTE_NS)
    moved = np.abs(np.log(mids / universe.price))
    assert moved.max() < 0.46
    assert 0.005 < np.median(moved[144]) < 0.05
    assert np.median(moved[-1]) < 0.06


def test_names_move_together() -> None:
    returns = np.diff(np.log(closes(seed=5, symbols=60, slices=200, events=4000, slice_ns=10 * MINUTE_NS)), axis=0)
    keys = [key.symbol for key in load(60).keys]
    columns = {symbol: returns[:, keys.index(symbol)] for symbol in ("SPY", "QQQ", "NVDA", "AVGO")}
    assert np.corrcoef(columns["SPY"], columns["QQQ"])[0, 1] > 0.6
    assert np.corrcoef(columns["NVDA"], columns["AVGO"])[0, 1] > 0.15


def test_volatility_does_not_depend_on_the_rate() -> None:
    calm, busy = (np.log(closes(seed=3, symbols=20, slices=300, events=events))[:, :20] for events in (400, 8000))
    ratio = np.diff(calm[::10], axis=0).std() / np.diff(busy[::10], axis=0).std()
    assert ratio == pytest.approx(1, abs=0.2)


def test_a_quarter_are_trades_of_mostly_round_lots() -> None:
    exchange = Exchange(load(500), 1, np.full(500, np.nan), START * MINUTE_NS)
    exchange.open(START, MINUTE_NS)
    exchange.draws.enter(START + 1)
    events, quoted = exchange.trade(START + 1, MINUTE_NS, 40_000)
    trades, _ = rows.of_kind(events, Kind.TRADE)
    assert 0.2 < len(trades) / len(events) < 0.3
    assert len(quoted) == len(events) - len(trades)
    assert 0.03 < np.mean(trades["conditions"] != 0) < 0.25
    assert np.mean(trades["size"] % 100 == 0) > 0.7
    assert np.array_equal(trades["conditions"], np.where(trades["size"] < 100, 2, 0))
    busy = np.bincount(events["instrument"].astype(int), minlength=500)
    assert np.mean(busy > 0) > 0.98
    assert busy[0] > 20 * np.median(busy)


def test_spreads_are_tight_for_busy_names_and_wide_for_quiet_ones() -> None:
    universe = load(500)
    exchange = Exchange(universe, 1, np.full(500, np.nan), START * MINUTE_NS)
    exchange.open(START, MINUTE_NS)
    basis_points = exchange.quotes.last.spread / exchange.quotes.per_dollar / universe.price * 10_000
    assert np.median(basis_points[:20]) < 1.5
    assert 3 < np.median(basis_points[-100:]) < 20


def test_gaps_overnight_are_small_and_seeded() -> None:
    opens = []
    for seed in (1, 2):
        exchange = Exchange(load(500), seed, np.full(500, np.nan), START * MINUTE_NS)
        exchange.open(START, MINUTE_NS)
        opens.append(np.log((exchange.quotes.last.bid / exchange.quotes.per_dollar) / load(500).price))
    assert not np.array_equal(*opens)
    for gaps in opens:
        assert np.abs(gaps).max() < 0.06
        assert 0.001 < np.median(np.abs(gaps)) < 0.02
