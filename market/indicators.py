"""Technical indicators that go on from where they are: what a chart adds to its last, still open candle.

Every indicator is a value. `through(bars)` gives the indicator with some bars more and leaves the old one as it is, so
an open candle is tried again and again from the state after the last closed one. The definitions are TA-Lib's, seeds
and all, and tests hold the two together to 1e-9. NaN stands for "not enough bars yet".

What they cost: 0.1 to 0.4 us a bar.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Values = tuple[float, ...]


class Bars(NamedTuple):
    """What indicators see of candles, oldest first: columns of one length."""

    closes: Sequence[float]
    volumes: Sequence[float]
    turnovers: Sequence[float]
    days: Sequence[int]
    """The trading day of each, as a number: `Vwap` begins anew with each day."""


class Indicator(Protocol):
    """One indicator, up to some bar."""

    @property
    def values(self) -> Values:
        """Its columns at the last bar, in the order of their names."""

    def through(self, bars: Bars) -> "Indicator":
        """Give the indicator with those bars more."""


@dataclass(frozen=True, slots=True)
class Sma:
    """The mean of the last `length` closes."""

    length: int
    closes: tuple[float, ...] = ()

    @property
    def values(self) -> Values:
        """The mean."""
        return (_mean(self.closes) if len(self.closes) == self.length else math.nan,)

    def through(self, bars: Bars) -> "Sma":
        """Let the oldest closes go for new ones."""
        return Sma(self.length, _last(self.closes, bars.closes, self.length))


@dataclass(frozen=True, slots=True)
class Bbands:
    """The mean of the last `length` closes, and `width` of their standard deviations above and below it."""

    length: int
    width: float
    closes: tuple[float, ...] = ()

    @property
    def values(self) -> Values:
        """Upper band, mean, lower band."""
        if len(self.closes) < self.length:
            return math.nan, math.nan, math.nan
        middle = _mean(self.closes)
        away = self.width * math.sqrt(_mean([(close - middle) ** 2 for close in self.closes]))
        return middle + away, middle, middle - away

    def through(self, bars: Bars) -> "Bbands":
        """Let the oldest closes go for new ones."""
        return Bbands(self.length, self.width, _last(self.closes, bars.closes, self.length))


@dataclass(frozen=True, slots=True)
class Smoothed:
    """An exponential average of any numbers: it begins as the mean of the first `length`, and there is none before."""

    length: int
    average: float = 0.0
    """Until it begins, the sum so far."""
    seen: int = 0
    """How many of the first `length` have come."""

    @property
    def value(self) -> float:
        """The average, NaN before it begins."""
        return self.average if self.seen == self.length else math.nan

    def course(self, numbers: Sequence[float]) -> tuple["Smoothed", list[float]]:
        """Move the average by its share of each difference; give it, and what it was after each number."""
        average, seen, length, share = self.average, self.seen, self.length, 2 / (self.length + 1)
        values = []
        for number in numbers:
            if seen == length:
                average += share * (number - average)
            else:
                average += number
                seen += 1
                if seen == length:
                    average /= length
            values.append(average if seen == length else math.nan)
        return Smoothed(length, average, seen), values


@dataclass(frozen=True, slots=True)
class Ema:
    """The exponential average of closes."""

    average: Smoothed

    @property
    def values(self) -> Values:
        """The average."""
        return (self.average.value,)

    def through(self, bars: Bars) -> "Ema":
        """Move the average."""
        return Ema(self.average.course(bars.closes)[0])


@dataclass(frozen=True, slots=True)
class Macd:
    """The difference of a fast and a slow average, that difference's own average, and how far it is from it.

    The fast average begins together with the slow one, over the last of the same bars.
    """

    fast: Smoothed
    slow: Smoothed
    signal: Smoothed
    left_out: int = 0
    """How many bars the fast average has left out, to begin with the slow one."""

    @property
    def values(self) -> Values:
        """The difference, its signal, and the histogram; all begin together."""
        signal = self.signal.value
        if math.isnan(signal):
            return math.nan, math.nan, math.nan
        macd = self.fast.value - self.slow.value
        return macd, signal, macd - signal

    def through(self, bars: Bars) -> "Macd":
        """Move all three averages."""
        skipped = min(self.slow.length - self.fast.length - self.left_out, len(bars.closes))
        fast, of_fast = self.fast.course(bars.closes[skipped:])
        slow, of_slow = self.slow.course(bars.closes)
        differences = [
            quick - slowly for quick, slowly in zip(of_fast, of_slow[skipped:], strict=True) if not math.isnan(slowly)
        ]
        return Macd(fast, slow, self.signal.course(differences)[0], self.left_out + skipped)


@dataclass(frozen=True, slots=True)
class Rsi:
    """Wilder's relative strength: the share of gains in all movement, in percent; 0 where nothing moved."""

    length: int
    close: float = math.nan
    gain: float = 0.0
    loss: float = 0.0
    """Averages; until there are `length` changes, sums."""
    changes: int = 0
    """How many of the first `length` have come."""

    @property
    def values(self) -> Values:
        """The share."""
        if self.changes < self.length:
            return (math.nan,)
        movement = self.gain + self.loss
        return (100 * self.gain / movement if movement else 0.0,)

    def through(self, bars: Bars) -> "Rsi":
        """Move both averages by what the close rose or fell."""
        last, gain, loss, changes, length = self.close, self.gain, self.loss, self.changes, self.length
        for close in bars.closes:
            change = 0.0 if math.isnan(last) else close - last
            up, down = (change, 0.0) if change > 0 else (0.0, -change)
            if changes == length:
                gain, loss = (gain * (length - 1) + up) / length, (loss * (length - 1) + down) / length
            elif not math.isnan(last):
                gain, loss, changes = gain + up, loss + down, changes + 1
                if changes == length:
                    gain, loss = gain / length, loss / length
            last = close
        return Rsi(length, last, gain, loss, changes)


@dataclass(frozen=True, slots=True)
class Vwap:
    """The mean price of all shares of a trading day so far."""

    volume: float = 0.0
    turnover: float = 0.0
    day: int = -1

    @property
    def values(self) -> Values:
        """The price; NaN while nothing was traded."""
        return (self.turnover / self.volume if self.volume > 0 else math.nan,)

    def through(self, bars: Bars) -> "Vwap":
        """Add the shares of each bar, to none where its day is another."""
        volume, turnover, day = self.volume, self.turnover, self.day
        for more, worth, its_day in zip(bars.volumes, bars.turnovers, bars.days, strict=True):
            if its_day != day:
                volume, turnover, day = 0.0, 0.0, its_day
            volume, turnover = volume + more, turnover + worth
        return Vwap(volume, turnover, day)


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _last(numbers: tuple[float, ...], more: Sequence[float], length: int) -> tuple[float, ...]:
    return (*numbers, *more[-length:])[-length:]
