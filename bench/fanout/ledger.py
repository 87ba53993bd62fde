"""What clients hold: the newest sequence of each of their instruments, and what was wrong or old when it came. Pure."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.integer]
Int64 = npt.NDArray[np.int64]


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
        self.went_back = 0  # updates with a sequence not above the one held
        self.unexpected = 0  # updates of an instrument that this client does not watch
        self.updates = 0
        self._each = each
        self._first_at = np.zeros(clients * each, np.intp)
        self._ages_us: list[npt.NDArray[np.int32]] | None = None  # none are kept unless they are measured

    def take(
        self,
        clients: npt.NDArray[np.intp],
        numbers: Numbers,
        sequences: Int64,
        ages_us: Int64,
        is_snapshot: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Take updates, one of each array; a snapshot may repeat a sequence, and its age does not count."""
        places = clients * self._each + numbers % self._each
        known = self.watched.reshape(-1)[places] == numbers
        if not known.all():
            self.unexpected += int((~known).sum())
            places, sequences, ages_us = places[known], sequences[known], ages_us[known]
            is_snapshot = None if is_snapshot is None else is_snapshot[known]
        self._note(places, sequences, is_snapshot)
        if is_snapshot is not None:
            ages_us = ages_us[~is_snapshot]
        self.updates += len(ages_us)
        if self._ages_us is not None:
            self._ages_us.append(ages_us.astype(np.int32))

    def begin_ages(self) -> None:
        """Keep the age of every update from now on."""
        self._ages_us = []

    def end_ages_ms(self) -> npt.NDArray[np.float64]:
        """Give the ages of all updates since then, and keep no more."""
        ages, self._ages_us = self._ages_us or [], None
        return np.concatenate([np.zeros(0), *ages]) / 1e3

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

    def _note(self, places: Numbers, sequences: Int64, is_snapshot: npt.NDArray[np.bool_] | None) -> None:
        """Hold each sequence against the newest; a place that comes again is noted again, in order."""
        newest, first_at = self.newest.reshape(-1), self._first_at
        lowest = sequences if is_snapshot is None else sequences + is_snapshot
        rest = np.arange(len(places))
        while len(rest):
            left = places[rest]
            first_at[left[::-1]] = rest[::-1]
            is_first = first_at[left] == rest
            now, at = rest[is_first], left[is_first]
            held = newest[at]
            self.went_back += int((lowest[now] <= held).sum())
            newest[at] = np.maximum(sequences[now], held)
            rest = rest[~is_first]
