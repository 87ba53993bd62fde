"""What clients hold: the newest sequence of each of their instruments, and what was wrong or old when it came. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.fanout.ages import count_age, no_ages
from market.compiled import compiled

Int64 = npt.NDArray[np.int64]


class Book(NamedTuple):
    """A ledger's arrays, which compiled code writes in."""

    watched: Int64
    """The instruments of each client, (clients, each)."""
    newest: Int64
    """The sequence that each client holds of each, 0 where it was told of none."""
    counts: Int64
    """By what it is that is counted."""
    ages: Int64
    most_us: Int64
    """See `Ages`."""


UPDATES, WENT_BACK, UNEXPECTED = range(3)


@compiled
def note(book: Book, client: int, told: Int64, count: int, at_us: int, is_snapshot: bool) -> None:
    """Take what a client was told at one time: the first columns of numbers, sequences and times received, in us.

    A snapshot may repeat a sequence, and its ages do not count.
    """
    watched, newest, counts, ages, most_us = book
    for each in range(count):
        number, sequence = told[0, each], told[1, each]
        place = number % watched.shape[1]
        if watched[client, place] != number:
            counts[UNEXPECTED] += 1
            continue
        held = newest[client, place]
        if sequence < held or (sequence == held and not is_snapshot):
            counts[WENT_BACK] += 1
        newest[client, place] = max(sequence, held)
        if not is_snapshot:
            counts[UPDATES] += 1
            count_age(ages, most_us, at_us - told[2, each])


class Ledger:
    """Takes updates of all clients in the order they came.

    Client `c` watches `each` instruments, drawn at random, one of every residue class modulo `each`: so an
    instrument's place among a client's is its number's remainder, and needs no looking up.
    """

    def __init__(self, clients: int, symbols: int, each: int, seed: int = 1) -> None:
        if symbols % each:
            raise ValueError(f"{symbols} instruments are not a multiple of {each}")
        draw = np.random.default_rng(seed).integers(0, symbols // each, (clients, each))
        self.watched: Int64 = (draw * each + np.arange(each)).astype(np.int64)
        self.newest = np.zeros((clients, each), np.int64)
        self.ages = no_ages()
        self.book = Book(self.watched, self.newest, np.zeros(3, np.int64), *self.ages)
        self.take(0, (), (), (), 0)  # compiles what it needs, before any client comes

    @property
    def updates(self) -> int:
        """How many there were, out of order or not; those that were not asked for are not among them."""
        return int(self.book.counts[UPDATES])

    @property
    def went_back(self) -> int:
        """How many had a sequence not above the one held."""
        return int(self.book.counts[WENT_BACK])

    @property
    def unexpected(self) -> int:
        """How many were of an instrument that the client does not watch."""
        return int(self.book.counts[UNEXPECTED])

    def take(
        self,
        client: int,
        numbers: Sequence[int],
        sequences: Sequence[int],
        received_us: Sequence[int],
        at_us: int,
        is_snapshot: bool = False,
    ) -> None:
        """Take a message that came at that time, one of each for every update or part of a snapshot."""
        told = np.array((numbers, sequences, received_us), np.int64)
        note(self.book, client, told, len(numbers), at_us, is_snapshot)

    def not_at(self, last: Int64) -> int:
        """Count the instruments, over all clients, whose newest sequence is not the last one published."""
        return int((self.newest != last[self.watched]).sum())

    def behind(self, last: Int64, most: int) -> list[tuple[int, int, int, int]]:
        """Name some of those: client, instrument, the sequence held and the last one."""
        clients, places = np.nonzero(self.newest != last[self.watched])
        return [
            (client, number := int(self.watched[client, place]), int(self.newest[client, place]), int(last[number]))
            for client, place in zip(clients.tolist()[:most], places.tolist(), strict=False)
        ]

    def holds_all(self, client: int) -> bool:
        """Tell whether a client has been told of each of its instruments."""
        return bool(self.newest[client].all())
