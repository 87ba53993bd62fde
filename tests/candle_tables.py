"""What answers a fold's questions without servers: the tape as an array, the tables as candles that are kept."""

import numpy as np
import numpy.typing as npt

from market.candles.candles import Candles
from market.candles.fold import CandleFold
from market.candles.output import Output
from market.candles.refold import Refold, RefoldAnswer
from market.candles.timeframe import Timeframe
from market.row_type import Rows

I8 = npt.NDArray[np.int64]


class Tables:
    """Keeps the newest state of each candle, and of two equally new ones the first: as the upsert does."""

    def __init__(self, candles: Candles | None = None) -> None:
        self.candles = candles or Candles.of(0)
        self.given: list[Candles] = []
        """Whatever was handed over, in order."""
        self._waiting: list[Candles] = []

    def put(self, candles: Candles) -> None:
        """Hand over; they are kept from the next `flush` on."""
        self._waiting.append(candles)
        self.given.append(candles)

    def flush(self) -> None:
        self.candles = Candles.concat([*self._waiting[::-1], self.candles]).sorted_newest()
        self._waiting.clear()

    def lose(self) -> None:
        """Forget what was handed over and not kept."""
        self._waiting.clear()

    def of(self, timeframe: Timeframe) -> Candles:
        return self.candles.take(self.candles.timeframe == timeframe)


def fold_in(fold: CandleFold, events: Rows, at: I8, tables: Tables, tape: Rows, tape_at: I8) -> Output:
    """Apply a batch to its end; `tape` is the whole feed's, `tape_at` the message of each of its rows."""
    output = fold.apply(events, at)
    tables.put(output.closed)
    while output.refold is not None:
        output = fold.resolve(answer(fold, output.refold, tables, tape, tape_at))
        tables.put(output.closed)
    return output


def answer(fold: CandleFold, refold: Refold, tables: Tables, tape: Rows, tape_at: I8) -> RefoldAnswer:
    reading = fold.reading(refold)
    within = np.flatnonzero((tape_at >= refold.begin.sequence) & (tape_at <= refold.last))
    for part in np.array_split(within, 3):
        reading.read(tape[part[0] : part[-1] + 1] if len(part) else tape[:0])
    tables.flush()
    return RefoldAnswer(reading, tables.of(Timeframe.M1), tables.of(Timeframe.D1))
