"""The seven timeframes of candles, and the two kinds of time that they are made of."""

from enum import IntEnum


class Session(IntEnum):
    """Which part of a trading day a candle is of."""

    REGULAR = 0
    EXTENDED = 1  # nights, week-ends, holidays and lunch too


class Timeframe(IntEnum):
    """How long a candle's window is."""

    M1 = 1
    M5 = 2
    M15 = 3
    H1 = 4
    D1 = 5
    W1 = 6
    MO1 = 7

    @property
    def text(self) -> str:
        """The name in subjects, channels and requests. Case matters: 1m is a minute, 1M a month."""
        return _TEXTS[self]

    @property
    def table(self) -> str:
        """The name of its table; SQL folds case, so that a month is `1mo` there."""
        return "candles_1mo" if self is Timeframe.MO1 else f"candles_{self.text}"

    @property
    def minutes(self) -> int:
        """The length of a whole window in minutes; 0 for those that calendars make: day, week and month."""
        return _MINUTES.get(self, 0)

    @classmethod
    def of(cls, text: str) -> "Timeframe":
        """Find a timeframe by its name; raises ValueError for a name that is none's."""
        for timeframe, own in _TEXTS.items():
            if own == text:
                return timeframe
        raise ValueError(f"{text!r} is not a timeframe; there are {', '.join(_TEXTS.values())}")


_TEXTS = {
    Timeframe.M1: "1m",
    Timeframe.M5: "5m",
    Timeframe.M15: "15m",
    Timeframe.H1: "1h",
    Timeframe.D1: "1d",
    Timeframe.W1: "1w",
    Timeframe.MO1: "1M",
}
_MINUTES = {Timeframe.M1: 1, Timeframe.M5: 5, Timeframe.M15: 15, Timeframe.H1: 60}
