import numpy as np
import pytest

from bench.fanout.ages import MOST_S
from bench.fanout.ledger import Ledger
from bench.fanout.sample import Sample, state_image
from bench.fanout.walk import Walk, name

SYMBOLS, EACH, NOW_US = 100, 10, 1_774_794_605_031_380


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(clients=50, symbols=SYMBOLS, each=EACH)


def take(ledger: Ledger, *updates: tuple[int, int, int], is_snapshot: bool = False, age_us: int = 1000) -> None:
    """Take updates: client, place among its instruments, sequence."""
    for client, place, sequence in updates:
        ledger.take(client, [int(ledger.watched[client, place])], [sequence], [NOW_US - age_us], NOW_US, is_snapshot)


def test_every_client_watches_different_instruments_evenly(ledger: Ledger) -> None:
    assert ledger.watched.shape == (50, EACH)
    assert all(len(set(each)) == EACH for each in ledger.watched.tolist())
    assert (ledger.watched % EACH == np.arange(EACH)).all()
    with pytest.raises(ValueError, match="not a multiple"):
        Ledger(1, 101, 10)


def test_rising_sequences_are_in_order(ledger: Ledger) -> None:
    take(ledger, (1, 0, 5), (1, 1, 5), (2, 0, 9))
    take(ledger, (1, 0, 6), (2, 0, 10), (1, 1, 8))
    assert (ledger.updates, ledger.went_back, ledger.unexpected) == (6, 0, 0)
    assert (ledger.newest[1, :2].tolist(), ledger.newest[2, 0]) == ([6, 8], 10)


def test_a_sequence_that_does_not_rise_went_back(ledger: Ledger) -> None:
    take(ledger, (1, 0, 5))
    take(ledger, (1, 0, 5), (2, 0, 1))
    take(ledger, (1, 0, 4))
    assert ledger.went_back == 2
    assert ledger.newest[1, 0] == 5


@pytest.mark.parametrize(("sequences", "went_back"), [((5, 6, 7), 0), ((5, 7, 6), 1), ((5, 5), 1), ((7, 6, 5, 8), 2)])
def test_one_instrument_several_times_at_once(ledger: Ledger, sequences: tuple[int, ...], went_back: int) -> None:
    times = len(sequences)
    ledger.take(4, [int(ledger.watched[4, 4])] * times, sequences, [NOW_US] * times, NOW_US)
    assert ledger.went_back == went_back
    assert ledger.newest[4, 4] == max(sequences)
    assert ledger.newest.sum() == max(sequences)


def test_a_snapshot_may_repeat_and_has_no_age(ledger: Ledger) -> None:
    take(ledger, (1, 0, 5), age_us=7_000)
    take(ledger, (1, 0, 5), is_snapshot=True)
    assert ledger.went_back == 0
    take(ledger, (1, 0, 4), is_snapshot=True)
    assert ledger.went_back == 1
    assert ledger.updates == 1
    assert ledger.ages.figures() == {"count": 1, "p50": 7.05, "p99": 7.05, "max": 7.0}


def test_ages_are_those_of_a_sorted_list_to_a_tenth_of_a_millisecond(ledger: Ledger) -> None:
    ages_us = np.random.default_rng(1).exponential(50_000, 5_000).astype(np.int64)
    for each in ages_us.tolist():
        take(ledger, (1, 0, int(ledger.newest[1, 0]) + 1), age_us=each)
    figures = ledger.ages.figures()
    p50, p99 = np.percentile(ages_us, [50, 99], method="inverted_cdf") / 1e3
    assert (figures["count"], figures["max"]) == (len(ages_us), ages_us.max() / 1e3)
    assert abs(figures["p50"] - p50) <= 0.05
    assert abs(figures["p99"] - p99) <= 0.05
    ledger.ages.clear()
    assert ledger.ages.figures()["count"] == 0
    assert np.isnan(ledger.ages.figures()["p99"])


def test_an_age_out_of_all_bounds_counts(ledger: Ledger) -> None:
    take(ledger, (1, 0, 1), age_us=-500)
    take(ledger, (1, 0, 2), age_us=(MOST_S + 5) * 1_000_000)
    assert ledger.ages.counts[[0, -1]].tolist() == [1, 1]
    assert ledger.ages.figures()["max"] == (MOST_S + 5) * 1e3


def test_what_nobody_asked_for(ledger: Ledger) -> None:
    other = (ledger.watched[1, 0] + EACH) % SYMBOLS
    ledger.take(1, [int(other), 99_999, -1], [1, 1, 1], [NOW_US] * 3, NOW_US)
    assert (ledger.unexpected, ledger.updates) == (3, 0)


def test_what_is_missing_at_the_end(ledger: Ledger) -> None:
    last = np.arange(SYMBOLS) + 10
    assert ledger.not_at(last) == 500
    for client in range(50):
        assert not ledger.holds_all(client)
        for place, number in enumerate(ledger.watched[client].tolist()):
            take(ledger, (client, place, int(last[number])))
        assert ledger.holds_all(client)
    assert ledger.not_at(last) == 0
    last[ledger.watched[7, 7]] += 1
    assert ledger.not_at(last) == int((ledger.watched == ledger.watched[7, 7]).sum())


def test_deltas_merged_into_a_snapshot_are_the_state() -> None:
    walk, sample = Walk(20), Sample()
    walk.step(np.arange(20), 1_000_000_000)
    held = [state_image(walk.states, number) for number in (3, 4)]
    sample.take(1, True, held)
    walk.step(np.array([3, 5]), 2_000_000_000)
    now = state_image(walk.states, 3)
    changed = {field: value for field, value in now.items() if value != held[0][field] or field == "s"}
    assert len(sample.differing(walk.states)) == 1
    sample.take(1, False, [changed])
    assert sample.differing(walk.states) == []
    assert sample.instruments == 2
    sample.take(1, False, [{"s": name(4), "b": -1.0}])
    assert len(sample.differing(walk.states)) == 1
