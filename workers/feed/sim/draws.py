"""Random numbers by slice: each slice of time has its own stream, whatever was drawn before it."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Purpose(IntEnum):
    """What a stream is for; two of one slice share nothing."""

    EVENTS = 0
    OPENING = 1


class SliceDraws:
    """A Philox generator, keyed by the seed, that is set to the start of any slice's stream in a microsecond.

    Philox is counter-based: its output is a function of key and counter alone, and each slice counts in a block of
    2**64 of its own. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.Philox(key=seed)
        self._fresh = self._bits.state
        self.generator = np.random.Generator(self._bits)

    def enter(self, index: int, purpose: Purpose = Purpose.EVENTS) -> None:
        """Go to the start of a slice's stream."""
        self._fresh["state"]["counter"][:] = (0, index, purpose, 0)
        self._bits.state = self._fresh

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """Draw `count` numbers of 64 random bits."""
        words: npt.NDArray[np.uint64] = self._bits.random_raw(count)
        return words

    def normals(self, count: int) -> npt.NDArray[np.float64]:
        """Draw `count` numbers of the standard normal distribution."""
        return self.generator.standard_normal(count)
