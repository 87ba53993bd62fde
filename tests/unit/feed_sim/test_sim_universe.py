import numpy as np
import pytest

from market.symbols import SymbolKey
from workers.feed.sim.universe import SECTORS, load

FAMILIAR = {
    "XNAS": "AAPL MSFT NVDA AMZN GOOGL GOOG META TSLA QQQ",
    "XNYS": "JPM BRK.B BF.B",
    "ARCX": "SPY IWM",
    "BATS": "USMV",
}


def test_the_file_holds_500_real_listings() -> None:
    universe = load(500)
    assert len(universe) == 500
    assert len(set(universe.keys)) == 500
    assert len(set(universe.names)) == 500
    assert {key.venue for key in universe.keys} == {"XNAS", "XNYS", "ARCX", "BATS"}
    assert {SymbolKey(venue, symbol) for venue, symbols in FAMILIAR.items() for symbol in symbols.split()} <= set(
        universe.keys
    )
    for column in (universe.price, universe.activity, universe.volatility):
        assert np.all(np.isfinite(column))
        assert np.all(column > 0)
    assert np.all(np.abs(universe.beta) < 2.5)
    assert set(universe.sector.tolist()) == set(range(len(SECTORS)))


def test_a_few_names_are_very_hot_and_come_first() -> None:
    activity = load(500).activity
    assert np.all(np.diff(activity) <= 0)
    assert activity[:5].sum() > 0.15 * activity.sum()
    assert activity[0] > 50 * np.median(activity)


@pytest.mark.parametrize("symbols", [1, 50, 500, 501, 2000])
def test_a_smaller_universe_is_the_beginning_of_a_larger_one(symbols: int) -> None:
    some, more = load(symbols), load(3000)
    assert some.keys == more.keys[:symbols]
    assert np.array_equal(some.price, more.price[:symbols])
    assert np.array_equal(some.sector, more.sector[:symbols])


def test_names_beyond_the_real_ones_are_synthetic_with_both_tick_sizes() -> None:
    universe = load(3000)
    assert str(universe.keys[500]) == "XSIM:S00501"
    assert str(universe.keys[-1]) == "XSIM:S03000"
    assert universe.names[500] == "Synthetic 00501"
    listings = universe.listings()
    assert {listing.tick_size for listing in listings} == {0.01, 0.0001}
    assert all(
        (listing.tick_size < 0.01) == (price < 1) for listing, price in zip(listings, universe.price, strict=True)
    )
    assert not np.any((universe.price > 0.6) & (universe.price < 2))
