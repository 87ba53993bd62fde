"""Which member works on which partition. Pure: every member comes to the same answer by itself."""

from collections.abc import Sequence
from hashlib import blake2b


def assign(members: Sequence[str], partitions: int) -> dict[str, tuple[int, ...]]:
    """Share the partitions out, at most `ceil(partitions / members)` to each; the order of `members` is of no matter.

    By rendezvous hashing: each partition goes to the member with the highest hash that has room, so that a member that
    comes or goes moves few partitions beside its own.
    """
    distinct = sorted(set(members))
    if not distinct:
        return {}
    most = -(-partitions // len(distinct))
    shares: dict[str, list[int]] = {member: [] for member in distinct}
    for partition in range(partitions):
        ranked = sorted(distinct, key=lambda member: (_score(member, partition), member), reverse=True)
        owner = next(member for member in ranked if len(shares[member]) < most)
        shares[owner].append(partition)
    return {member: tuple(share) for member, share in shares.items()}


def _score(member: str, partition: int) -> bytes:
    return blake2b(f"{partition}/{member}".encode(), digest_size=8).digest()
