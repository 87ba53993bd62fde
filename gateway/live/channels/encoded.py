"""Encoded entries, back to back."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Encoded(NamedTuple):
    """Entries of a channel, in the order in which they were asked for."""

    data: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]

    def split(self) -> list[bytes]:
        """Give each entry by itself."""
        ends = np.cumsum(self.lengths).tolist()
        whole = self.data.tobytes()
        return [whole[end - length : end] for end, length in zip(ends, self.lengths.tolist(), strict=True)]


def encoded(entries: Sequence[bytes]) -> Encoded:
    """Put entries that were made one by one back to back."""
    lengths = np.fromiter(map(len, entries), np.int64, len(entries))
    return Encoded(np.frombuffer(b"".join(entries), np.uint8), lengths)
