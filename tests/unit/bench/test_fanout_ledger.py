import numpy as np
import pytest

from bench.fanout.ledger import Ledger
from bench.fanout.sample import Sample, state_image
from bench.fanout.walk import Walk, name

SYMBOLS, EACH = 100, 10


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(clients=50, symbols=SYMBOLS, each=EACH)


def take(ledger: Ledger, *updates: tuple[int, int, int], is_snapshot: bool = False, age_us: int = 1000) -> None:
    """Take updates: client, place among its instruments, sequence."""
    clients, places, sequences = (np.array(each, np.int64) for each in zip(*updates, strict=True))
    ages = np.full(len(clients), age_us)
    snapshots = np.full(len(clients), True) if is_snapshot else None
    ledger.take(clients, ledger.watched[clients, places], sequences, ages, snapshots)


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
    take(ledger, (3, 3, 1), *((4, 4, each) for each in sequences), (3, 3, 2))
    assert ledger.went_back == went_back
    assert ledger.newest[4, 4] == max(sequences)
    assert ledger.newest[3, 3] == 2


def test_a_snapshot_may_repeat_and_has_no_age(ledger: Ledger) -> None:
    ledger.begin_ages()
    take(ledger, (1, 0, 5), age_us=7_000)
    take(ledger, (1, 0, 5), is_snapshot=True)
    assert ledger.went_back == 0
    take(ledger, (1, 0, 4), is_snapshot=True)
    assert ledger.went_back == 1
    assert ledger.updates == 1
    assert ledger.end_ages_ms().tolist() == [7.0]


def test_what_nobody_asked_for(ledger: Ledger) -> None:
    other = (ledger.watched[1, 0] + EACH) % SYMBOLS
    ledger.take(np.array([1, 1]), np.array([other, 99_999]), np.array([1, 1]), np.array([1, 1]))
    assert (ledger.unexpected, ledger.updates) == (2, 0)


def test_what_is_missing_at_the_end(ledger: Ledger) -> None:
    last = np.arange(SYMBOLS) + 10
    assert ledger.not_at(last) == 500
    for client in range(50):
        assert not ledger.holds_all(client)
        take(ledger, *((client, place, int(last[ledger.watched[client, place]])) for place in range(EACH)))
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
