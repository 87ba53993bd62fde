"""Which rows of a batch count: good ones, each once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.candles.checks import AMENDS, Codes, FoldRules, judge
from market.candles.chunk import Chunk
from market.candles.order import Disorder, Sequences
from market.candles.places import PlaceTable
from market.row_type import Rows

Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Sifted:
    """The rows that count, and what is to be said of the others.

    `positions` are those of the chunk's rows in the batch and `stops` the rows, by their place in the chunk, that
    withdraw a trade or replace one. `codes` are the faults of rows that are no repetitions; None where all rows count
    and are like others.
    """

    chunk: Chunk
    positions: Places
    stops: Places
    codes: Codes | None
    disorder: Disorder | None


def sift(events: Rows, table: PlaceTable, sequences: Sequences, rules: FoldRules) -> Sifted:
    """Judge rows, and follow the sequences of known instruments."""
    chunk = Chunk.of(events, table.places(events["instrument"]))
    codes = judge(chunk, rules)
    disorder = _follow(chunk, sequences)
    if codes is None and disorder is None:
        return Sifted(chunk, np.arange(len(chunk)), np.zeros(0, np.intp), None, None)
    if codes is None:
        codes = np.zeros(len(events), np.uint8)
    counts = (codes == 0) | (codes == AMENDS)
    if disorder is not None:
        codes[disorder.repeated], counts[disorder.repeated] = 0, False
    kept = np.flatnonzero(counts)
    return Sifted(chunk.take(kept), kept, np.flatnonzero(codes[kept] == AMENDS), codes, disorder)


def _follow(chunk: Chunk, sequences: Sequences) -> Disorder | None:
    if chunk.place.min() >= 0:
        return sequences.follow(chunk.place, chunk.sequence)
    known = np.flatnonzero(chunk.place >= 0)
    disorder = sequences.follow(chunk.place[known], chunk.sequence[known])
    return None if disorder is None else disorder.at(known)
