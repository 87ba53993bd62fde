"""The codes that rows carry: what a row is, and the bits and numbers of its coded fields."""

from enum import IntEnum, IntFlag


class Kind(IntEnum):
    """What a row is: its first element."""

    TRADE = 1
    QUOTE = 2
    CORRECTION = 3
    STATUS = 4
    LEVEL = 5
    STATE = 6
    CANDLE = 7


class Side(IntEnum):
    """The side of a depth level."""

    BID = 0
    ASK = 1


class Condition(IntFlag):
    """Bits of a trade's `conditions`: how the trade counts."""

    EXTENDED_HOURS = 1
    ODD_LOT = 2
    INTERMARKET_SWEEP = 4
    TRADE_THROUGH_EXEMPT = 8
    SINGLE_PRICE_CROSS = 16


# These count towards the day's volume, never towards last, open, high and low (consolidated tape rules; IEX TOPS 1.6,
# appendix A, "Last Sale Eligible" and "High/Low Price Eligible").
NOT_PRICE_FORMING = Condition.EXTENDED_HOURS | Condition.ODD_LOT


class TradeFlag(IntFlag):
    """Bits of a trade's `flags`."""

    CORRECTED = 1  # replaces the trade that the correction before it withdrew


class CorrectionFlag(IntFlag):
    """Bits of a correction's `flags`: what became of the withdrawn trade."""

    BUST = 1  # nothing replaces it
    REPLACED = 2  # the next trade row, flagged CORRECTED, replaces it


class QuoteFlag(IntFlag):
    """Bits of a quote's `flags`, which the instrument's state carries on."""

    HALTED = 1  # halted, paused or otherwise not available for trading
    EXTENDED_HOURS = 2  # outside the venue's regular session


class TradingState(IntEnum):
    """A status row's `state`."""

    TRADING = 1
    HALTED = 2
    PAUSED = 3
    ORDER_ACCEPTANCE = 4
    SHORT_SALE_RESTRICTED = 5
    SHORT_SALE_UNRESTRICTED = 6
    SYSTEM_START = 10
    SYSTEM_END = 11
    REGULAR_OPEN = 12
    REGULAR_CLOSE = 13
    FEED_ALIVE = 20  # the feed's own heartbeat, once a second


class CandleFlag(IntFlag):
    """Bits of a candle's `flags`."""

    CLOSED = 1  # its window has ended; it may still be amended
    EXTENDED = 2  # of the time outside the venue's regular session
    AMENDED = 4  # changed after its window had ended: `revision` is above 0
    WITHDRAWN = 8  # every trade of it was withdrawn: readers leave it out


NO_INSTRUMENT = 0xFFFF_FFFF  # a status row about the whole venue
