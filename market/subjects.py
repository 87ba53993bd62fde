"""The subjects that the market, the tape, commands and what came of them travel on; `subjects.md` is their contract."""

from hashlib import blake2b
from uuid import UUID

import numpy as np
import numpy.typing as npt

from market.symbols import SymbolKey, check_venue

DEFAULT_PARTITIONS = 16
_KNUTH = np.uint32(0x9E37_79B1)  # 2**32 / golden ratio: spreads consecutive numbers evenly


def quote(key: SymbolKey) -> str:
    """Name the subject of an instrument's state."""
    return f"quote.{key.token}"


def trade(key: SymbolKey) -> str:
    """Name the subject of an instrument's trades."""
    return f"trade.{key.token}"


def depth(key: SymbolKey) -> str:
    """Name the subject of an instrument's depth levels."""
    return f"depth.{key.token}"


def snapshot(key: SymbolKey) -> str:
    """Name the subject that answers with an instrument's present state."""
    return f"snapshot.{key.token}"


def snapshots(venue: str) -> str:
    """Name the subject that answers with the present states of many instruments of a venue."""
    check_venue(venue)
    return f"snapshot.{venue}"


def status(venue: str) -> str:
    """Name the subject of a venue's status rows and the heartbeat of its feed."""
    check_venue(venue)
    return f"status.{venue}"


def tape(partition: int) -> str:
    """Name the subject of one partition of the tape."""
    return f"tape.{partition}"


def candle(timeframe: str, key: SymbolKey) -> str:
    """Name the subject of an instrument's newest candle of a timeframe, given as its text: `1m`, `1M`."""
    return f"candle.{timeframe}.{key.token}"


def candles(partition: int) -> str:
    """Name the subject of one partition's closed and amended candles."""
    return f"candles.{partition}"


def candle_now(partition: int) -> str:
    """Name the subject that answers with the candles of one partition that are open, or not stored for sure."""
    return f"candlenow.{partition}"


def late(partition: int) -> str:
    """Name the subject of one partition's event rows that came too late for any candle."""
    return f"late.{partition}"


def quarantine(partition: int) -> str:
    """Name the subject of one partition's event rows that no candle can hold."""
    return f"quarantine.{partition}"


def ledger(partition: int) -> str:
    """Name the subject of one partition's commands to portfolios."""
    return f"ledger.{partition}"


def portfolio(portfolio_id: UUID) -> str:
    """Name the subject of one portfolio's valuation, published while somebody watches it."""
    return f"portfolio.{portfolio_id}"


def portfolio_watch(partition: int) -> str:
    """Name the subject on which gateways say which portfolios of a partition are watched."""
    return f"portfoliowatch.{partition}"


def portfolio_now(partition: int) -> str:
    """Name the subject that answers with a user's portfolios of one partition as they are now."""
    return f"portfolionow.{partition}"


def alerts(partition: int) -> str:
    """Name the subject of one partition's commands to alerts, partitioned as the tape is."""
    return f"alerts.{partition}"


def alert_fired(user_id: UUID | str, alert_id: UUID | str) -> str:
    """Name the subject on which it is told that a user's alert has fired."""
    return f"alert.fired.{user_id}.{alert_id}"


def alerts_fired(user_id: UUID) -> str:
    """Name the subjects of all alerts of a user that fire, with a wildcard."""
    return f"alert.fired.{user_id}.*"


def notify(kind: str) -> str:
    """Name the subject of the notifications that are to leave through one kind of channel."""
    return f"notify.{kind}"


def dead_notification(kind: str) -> str:
    """Name the subject of the notifications of one kind of channel that could not be delivered."""
    return f"dlq.notify.{kind}"


def partition_of_user(user_id: UUID, partitions: int = DEFAULT_PARTITIONS) -> int:
    """Map a user to the partition of the ledger that all portfolios of theirs are in.

    `partitions` is a power of two from 1 to 256, fixed for the life of a ledger. Raises ValueError for any other.
    """
    hashed = int.from_bytes(blake2b(user_id.bytes, digest_size=4).digest(), "big")
    return hashed >> 32 - _bits(partitions)


def partitions_of(instruments: npt.ArrayLike, partitions: int = DEFAULT_PARTITIONS) -> npt.NDArray[np.uint8]:
    """Map instrument numbers to partitions of the tape, by multiplicative hashing.

    `instruments` is an array of unsigned numbers below 2**32; `partitions` a power of two from 1 to 256, fixed for
    the life of a tape. Raises ValueError for any other. Knuth, The Art of Computer Programming 3, 6.4.
    """
    bits = _bits(partitions)
    if bits == 0:
        return np.zeros(np.shape(instruments), np.uint8)
    hashed = np.asarray(instruments).astype(np.uint32) * _KNUTH
    return (hashed >> np.uint32(32 - bits)).astype(np.uint8)


def _bits(partitions: int) -> int:
    bits = partitions.bit_length() - 1
    if not 1 <= partitions <= 256 or partitions != 1 << bits:
        raise ValueError(f"partitions is {partitions}; it must be a power of two from 1 to 256")
    return bits
