"""The newest candles where a fresh gateway finds them at once: a day and more of each, as CANDLE rows.

One hash a symbol, timeframe and UTC date of start: `tickmesh:candles:<timeframe>:<VENUE:SYMBOL>:<YYYYMMDD>`. A closed
candle's field is `<start, seconds since 1970>.<session>`; the newest open one's is `open.<session>`, so that an open
state that comes late cannot replace a closed one. It may be lost, late or away at any time: the tables are the truth.
"""

from collections.abc import Awaitable, Sequence
from typing import cast

import numpy as np

from market import rows
from market.candles.candles import Candles, from_rows
from market.candles.timeframe import Timeframe
from market.codes import CandleFlag
from market.row_type import RowError, Rows, take
from market.symbols import SymbolKey
from mesh.cache import AWAY, Cache

_PREFIX = "tickmesh:candles:"
_ROWS_AT_ONCE = 1000
_DAY_NS = 86_400 * 10**9

# One command and one answer for a thousand candles, whose rows come as one string.
_WRITE = """
local kept_s, rows = ARGV[1], ARGV[2]
local width = #rows / #KEYS
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, ARGV[i + 2], string.sub(rows, (i - 1) * width + 1, i * width))
  redis.call('EXPIRE', key, kept_s)
end
"""
_KEPT_S = {timeframe: 90_000 if timeframe.minutes else 8 * 86_400 for timeframe in Timeframe}
_DAYS_KEPT = {Timeframe.D1: 10, Timeframe.W1: 21, Timeframe.MO1: 62}  # that a start can be before now; others 3


def cache_key(timeframe: Timeframe, key: SymbolKey, day: int) -> str:
    """Name the hash of a symbol's candles that start on a day, counted since 1970."""
    return f"{_PREFIX}{timeframe.text}:{key}:{_date(day)}"


class CandleCache(Cache):
    """Reads and writes candles in the Redis-compatible cache; a cache that is away is an empty one."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._write = self._redis.register_script(_WRITE)

    async def write(self, keys: Sequence[SymbolKey], candles: Rows) -> bool:
        """Store CANDLE rows, each under its symbol's key; False where the cache did not take them."""
        for kept_s in set(_KEPT_S.values()):
            is_meant = np.isin(
                candles["timeframe"], [timeframe for timeframe in Timeframe if _KEPT_S[timeframe] == kept_s]
            )
            places = np.flatnonzero(is_meant)
            for start in range(0, len(places), _ROWS_AT_ONCE):
                some = places[start : start + _ROWS_AT_ONCE]
                picked = take(candles, some)
                names = _names([keys[place] for place in some.tolist()], picked)
                arguments: list[int | bytes | str] = [kept_s, picked.tobytes(), *_fields(picked)]
                try:
                    await cast(Awaitable[object], self._write(keys=names, args=arguments))
                except AWAY as error:
                    self._note(up=False, error=error)
                    return False
                self._note(up=True)
        return True

    async def read(self, key: SymbolKey, timeframe: Timeframe, start_ns: int, end_ns: int) -> Candles:
        """Look up the candles that start in [start_ns, end_ns), oldest first; none where the cache is away.

        Only as far before `end_ns` as candles are kept.
        """
        last = (end_ns - 1) // _DAY_NS
        first = max(start_ns // _DAY_NS, last - _DAYS_KEPT.get(timeframe, 3))
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for day in range(first, last + 1):
                    pipeline.hgetall(cache_key(timeframe, key, day))
                days = cast(list[dict[bytes, bytes]], await pipeline.execute())
        except AWAY as error:
            self._note(up=False, error=error)
            return Candles.of(0)
        self._note(up=True)
        # Open ones first: where a closed one has the same trades, it is the newer.
        fields = sorted(
            (field for day in days for field in day.items()), key=lambda field: not field[0].startswith(b"o")
        )
        candles = from_rows(_read_rows([value for _, value in fields]))
        in_range = (candles.start_ns >= start_ns) & (candles.start_ns < end_ns)
        return candles.take(in_range).sorted_newest()


def _names(keys: Sequence[SymbolKey], candles: Rows) -> list[str]:
    """Name the hash of each row."""
    days, timeframes = candles["start"] // _DAY_NS, candles["timeframe"]
    kinds, which = np.unique(np.stack([timeframes, days]), axis=1, return_inverse=True)
    heads = [f"{_PREFIX}{Timeframe(timeframe).text}:" for timeframe in kinds[0].tolist()]
    tails = [f":{_date(day)}" for day in kinds[1].tolist()]
    return [f"{heads[kind]}{key}{tails[kind]}" for key, kind in zip(keys, which.reshape(-1).tolist(), strict=True)]


def _fields(candles: Rows) -> list[str]:
    """Name the field of each row."""
    seconds = (candles["start"] // 10**9).tolist()
    is_closed = (candles["flags"] & CandleFlag.CLOSED != 0).tolist()
    sessions = (candles["flags"] & CandleFlag.EXTENDED != 0).astype(np.uint8).tolist()
    return [
        f"{second if closed else 'open'}.{session}"
        for second, closed, session in zip(seconds, is_closed, sessions, strict=True)
    ]


def _read_rows(values: Sequence[bytes]) -> Rows:
    try:
        return rows.CANDLE.read(b"".join(value for value in values if len(value) == rows.CANDLE.width_bytes))
    except RowError:
        return rows.CANDLE.blank(0)  # written by another version; the worker will write anew


def _date(day: int) -> str:
    return str(np.datetime64(day, "D")).replace("-", "")
