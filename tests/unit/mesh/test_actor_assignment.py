"""Who works on what: everybody comes to the same answer, and few partitions move."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from mesh.actor.assignment import assign

names = st.lists(st.text("abcdefgh-0123", min_size=1, max_size=8), min_size=1, max_size=12, unique=True)
counts = st.sampled_from([1, 2, 4, 8, 16, 64, 256])


def test_nobody_there_owns_nothing() -> None:
    assert assign([], 16) == {}


@given(names, counts, st.randoms())
def test_each_partition_has_one_owner_and_shares_are_even(members: list[str], partitions: int, random: object) -> None:
    shares = assign(members, partitions)
    assert sorted(chain.from_iterable(shares.values())) == list(range(partitions))
    assert set(shares) == set(members)
    assert max(map(len, shares.values())) <= -(-partitions // len(members))
    random.shuffle(members)  # type: ignore[attr-defined]  # it is a random.Random
    assert assign([*members, members[0]], partitions) == shares


def test_one_that_goes_moves_little_besides_its_own() -> None:
    members = [f"worker-{number}" for number in range(8)]
    before, after = assign(members, 256), assign(members[:-1], 256)
    moved = sum(len(set(after[member]) - set(before[member])) for member in after)
    assert len(before[members[-1]]) <= moved < 256 // 3
