import numpy as np
import pytest

from gateway.live import subscriptions as module
from gateway.live.subscriptions import NOBODY, SLICE_ROWS, Subscriptions
from gateway.live.topics import NO_TOPIC
from tests.unit.gateway.tiny_market import longs, masks, places

ONE, TWO, THREE = 1, 2, 3


def add(subscriptions: Subscriptions, client: int, *topics: int, position: int = 0, every_ticks: int = 0) -> None:
    subscriptions.add(client, places(*topics), np.full(len(topics), position, np.int64), every_ticks)


def topics_of(subscriptions: Subscriptions, client: int) -> list[int]:
    topics: list[int] = subscriptions.topic[subscriptions.rows(client)].tolist()
    return topics


def mark(subscriptions: Subscriptions, **changed: int) -> None:
    """Mark topics, `t3=0b1` for topic 3."""
    fresh = np.zeros(200_000, np.uint16)
    for name, bits in changed.items():
        fresh[int(name[1:])] = bits
    subscriptions.mark(fresh)


def pending(subscriptions: Subscriptions, client: int) -> dict[int, int]:
    rows = subscriptions.rows(client)
    return dict(zip(subscriptions.topic[rows].tolist(), subscriptions.pending[rows].tolist(), strict=True))


def check_rows(subscriptions: Subscriptions, clients: int) -> None:
    """Every row is one client's, and all else is nobody's."""
    rows = [subscriptions.rows(client) for client in range(1, clients + 1)]
    taken = np.concatenate(rows)
    assert len(np.unique(taken)) == len(taken) == len(subscriptions)
    for client, mine in enumerate(rows, 1):
        assert (subscriptions.client[mine] == client).all()
        assert (subscriptions.topic[mine] != NO_TOPIC).all()
    others = np.setdiff1d(np.arange(subscriptions.used), taken)
    assert (subscriptions.client[others] == NOBODY).all()
    assert (subscriptions.topic[others] == NO_TOPIC).all()
    assert not subscriptions.pending[others].any()
    assert not subscriptions.owed[others].any()


def test_a_change_is_marked_for_whoever_watches_it_and_adds_up() -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, 3, 4)
    add(subscriptions, TWO, 4, 5)
    mark(subscriptions, t4=0b01, t9=0b1)
    mark(subscriptions, t4=0b10, t5=0b1)
    assert pending(subscriptions, ONE) == {3: 0, 4: 0b11}
    assert pending(subscriptions, TWO) == {4: 0b11, 5: 0b1}
    check_rows(subscriptions, 2)


def test_a_block_that_grows_moves_and_takes_everything_along() -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, 10, 11, position=7, every_ticks=20)
    add(subscriptions, TWO, 10)
    subscriptions.owe(ONE, places(11), masks(0b111))
    subscriptions.due_tick[subscriptions.rows(ONE)] = 44
    mark(subscriptions, t10=0b1)
    before = subscriptions.rows(ONE)
    add(subscriptions, ONE, *range(20, 40), position=9)
    rows = subscriptions.rows(ONE)
    assert not np.intersect1d(before, rows).size
    assert topics_of(subscriptions, ONE) == [10, 11, *range(20, 40)]
    assert subscriptions.pending[rows].tolist()[:3] == [1, 0, 0]
    assert subscriptions.owed[rows].tolist()[:3] == [0, 0b111, 0]
    assert subscriptions.sent[rows].tolist()[:3] == [7, 7, 9]
    assert subscriptions.every_ticks[rows].tolist()[:3] == [20, 20, 0]
    assert subscriptions.due_tick[rows].tolist()[:2] == [44, 44]
    assert subscriptions.due_tick[rows[2]] < 0, "what is new is due at once"
    check_rows(subscriptions, 2)


def test_what_was_left_behind_is_used_again() -> None:
    subscriptions = Subscriptions()
    for client in range(1, 101):
        add(subscriptions, client, *range(1, 11))
    used = subscriptions.used
    for client in range(1, 101):
        assert subscriptions.leave(client).tolist() == list(range(1, 11))
    assert len(subscriptions) == 0
    for client in range(1, 101):
        add(subscriptions, client, *range(1, 12))
    assert subscriptions.used == used
    check_rows(subscriptions, 100)
    add(subscriptions, 1, *range(20, 30))  # it moves
    used = subscriptions.used
    add(subscriptions, 101, *range(1, 11))
    assert subscriptions.used == used
    check_rows(subscriptions, 101)


def test_a_row_used_again_knows_nothing_of_whose_it_was() -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, 3, position=99, every_ticks=7)
    subscriptions.due_tick[subscriptions.rows(ONE)] = 10**9
    subscriptions.owe(ONE, places(3), masks(0b111))
    mark(subscriptions, t3=0b1)
    subscriptions.leave(ONE)
    add(subscriptions, TWO, 3)
    (row,) = subscriptions.rows(TWO).tolist()
    assert row == 0
    assert (subscriptions.pending[row], subscriptions.owed[row], subscriptions.sent[row]) == (0, 0, 0)
    assert subscriptions.every_ticks[row] == 0
    assert subscriptions.due_tick[row] < 0


def test_removing_closes_the_gaps_and_keeps_the_others_as_they_are() -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, 1, 2, 3, 4, 5)
    add(subscriptions, TWO, 2)
    subscriptions.acknowledge(ONE, places(4), longs(44))
    mark(subscriptions, t2=1, t3=1, t4=0b10, t5=0b100)
    subscriptions.remove(ONE, places(1, 3))
    rows = subscriptions.rows(ONE)
    assert topics_of(subscriptions, ONE) == [2, 4, 5]
    assert np.diff(rows).tolist() == [1, 1]
    assert pending(subscriptions, ONE) == {2: 1, 4: 0b10, 5: 0b100}
    assert subscriptions.sent[rows].tolist() == [0, 44, 0]
    assert len(subscriptions) == 4
    check_rows(subscriptions, 2)
    subscriptions.remove(ONE, places())
    add(subscriptions, ONE, 3)
    assert topics_of(subscriptions, ONE) == [2, 4, 5, 3]
    subscriptions.remove(ONE, places(2, 3, 4, 5))
    assert topics_of(subscriptions, ONE) == []
    mark(subscriptions, t2=1, t3=1)
    check_rows(subscriptions, 2)


def test_what_a_client_has_is_acknowledged_and_of_the_rest_nothing() -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, 3, 4)
    add(subscriptions, TWO, 3)
    mark(subscriptions, t3=1, t4=1)
    subscriptions.owe(ONE, places(3, 4), masks(7, 7))
    subscriptions.acknowledge(ONE, places(9, 4), longs(1, 50))
    rows = subscriptions.rows(ONE)
    assert subscriptions.sent[rows].tolist() == [0, 50]
    assert pending(subscriptions, ONE) == {3: 1, 4: 0}
    assert subscriptions.owed[rows].tolist() == [7, 0]
    assert pending(subscriptions, TWO) == {3: 1}


def test_what_a_client_has_bounds_what_it_is_shown() -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, 3, 4, position=50)
    asked = longs(40, 60, 70)
    assert subscriptions.at_most(ONE, places(3, 4, 5), asked).tolist() == [40, 50, 70]
    assert asked.tolist() == [40, 60, 70]


def test_an_own_pace_is_given_and_taken_back_for_what_is_named() -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, 3, 4, 5, every_ticks=2)
    rows = subscriptions.rows(ONE)
    subscriptions.due_tick[rows] = 1000
    subscriptions.pace(ONE, places(4, 77, 3), 50)
    assert subscriptions.every_ticks[rows].tolist() == [50, 50, 2]
    assert (subscriptions.due_tick[rows] < 0).tolist() == [True, True, False]
    subscriptions.pace(ONE, places(4), 0)
    assert subscriptions.every_ticks[rows].tolist() == [50, 0, 2]


def test_an_unknown_client_has_nothing() -> None:
    subscriptions = Subscriptions()
    assert subscriptions.rows(ONE).tolist() == []
    assert subscriptions.leave(ONE).tolist() == []
    add(subscriptions, ONE)
    assert subscriptions.leave(ONE).tolist() == []
    assert (len(subscriptions), subscriptions.used, subscriptions.slices()) == (0, 0, [])


def test_no_block_crosses_the_bound_of_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_ROWS", 64)
    subscriptions = Subscriptions()
    random = np.random.default_rng(5)
    sizes = [0, *random.integers(1, 65, 200).tolist()]
    for client, size in enumerate(sizes):
        if client:
            add(subscriptions, client, *range(1, size + 1))
    for client in random.permutation(200)[:100].tolist():
        subscriptions.leave(client + 1)
        sizes[client + 1] = int(random.integers(1, 65))
        add(subscriptions, client + 1, *range(1, sizes[client + 1] + 1))
    check_rows(subscriptions, 200)
    for client in range(1, 201):
        rows = subscriptions.rows(client)
        assert len(rows) == sizes[client]
        assert len(set((rows // 64).tolist())) == 1
    slices = subscriptions.slices()
    assert [each.start for each in slices] == list(range(0, subscriptions.used, 64))
    assert slices[-1].stop == subscriptions.used


@pytest.mark.parametrize("count", [1000, 50_000])
def test_as_many_as_a_connection_may_be_allowed_to_watch_stand_in_one_slice(count: int) -> None:
    subscriptions = Subscriptions()
    add(subscriptions, ONE, *range(1, SLICE_ROWS - 100))
    add(subscriptions, TWO, *range(1, count + 1))
    rows = subscriptions.rows(TWO)
    assert len(rows) == count
    assert rows[0] // SLICE_ROWS == rows[-1] // SLICE_ROWS
    assert sum(len(range(*each.indices(subscriptions.used))) for each in subscriptions.slices()) == subscriptions.used
    check_rows(subscriptions, 2)
