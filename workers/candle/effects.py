"""What lasts: candles to the tables, the stream and the cache; rejected rows, with their reason, to theirs.

Every effect may be made twice. The tables take the higher (revision, trades), the streams know a message by its id.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from market import subjects
from market.candles.candles import Candles, to_rows
from market.candles.output import Output
from market.row_type import Rows, as_bytes
from market.symbols import SymbolKey
from mesh.actor.outbox import Entry, FencedError, StoreAwayError
from mesh.candles.cache import CandleCache
from mesh.candles.postgres import StoreAway
from mesh.candles.writer import CandleWriter, Fenced, Mark

LATE = "late"
UNREADABLE = "unreadable"
REASON_HEADER = "Tickmesh-Reason"
TAPE_HEADER = "Tickmesh-Tape"
ROWS_PER_MESSAGE = 4000
_PUBLISH_S = 10.0
_PUBLISHED_AT_ONCE = 64

I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reject:
    """Rows of one message of the tape that one reason keeps out of every candle."""

    reason: str
    tape_sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Effects:
    """What a core wants to last."""

    candles: Candles = field(default_factory=lambda: Candles.of(0))
    rejects: tuple[Reject, ...] = ()

    @property
    def size(self) -> int:
        """The rows that wait for room in the outbox."""
        return len(self.candles) + len(self.rejects)


def join(payloads: Sequence[Effects]) -> Effects:
    """Join effects, keeping the newest state of each candle."""
    candles = Candles.concat([each.candles for each in payloads]).sorted_newest()
    return Effects(candles, tuple(reject for each in payloads for reject in each.rejects))


def rejects_of(output: Output) -> tuple[Reject, ...]:
    """Give a fold's rejected rows, those of each message of the tape together: a replay forms the same."""
    found = list(_by_message(LATE, output.late, output.late_at))
    for bad in output.bad:
        found += _by_message(bad.reason, bad.rows, bad.tape_sequence)
    return tuple(found)


def _by_message(reason: str, rows: Rows, at: I8) -> Iterator[Reject]:
    for sequence in np.unique(at).tolist():
        yield Reject(reason, sequence, as_bytes(rows)[at == sequence].tobytes())


class EffectWriter:
    """Makes effects durable, all partitions of the process together."""

    def __init__(
        self,
        js: JetStreamContext,
        writer: CandleWriter,
        cache: CandleCache | None,
        name_of: Callable[[int], SymbolKey],
    ) -> None:
        self._js = js
        self._writer = writer
        self._cache = cache
        self._name_of = name_of
        self.stored = 0

    async def write(self, entries: Sequence[Entry[Effects]]) -> None:
        """Store, publish and cache; raises StoreAwayError or FencedError, and may then be repeated as a whole."""
        marks = [Mark(entry.partition, entry.fence, entry.position) for entry in entries]
        candles = Candles.concat([Candles.of(0), *(entry.payload.candles for entry in entries if entry.payload)])
        try:
            await self._writer.write(candles, marks)
        except StoreAway as error:
            raise StoreAwayError(str(error)) from error
        except Fenced as error:
            raise FencedError(error.partitions[0]) from error
        try:
            await self._publish([message for entry in entries for message in _messages(entry)])
        except (NatsError, TimeoutError) as error:
            raise StoreAwayError(f"NATS: {str(error) or type(error).__name__}") from error
        self.stored += len(candles)
        if self._cache is not None and len(candles):
            written = to_rows(candles)
            await self._cache.write([self._name_of(number) for number in candles.instrument.tolist()], written)

    async def _publish(self, messages: Sequence["_Message"]) -> None:
        for start in range(0, len(messages), _PUBLISHED_AT_ONCE):
            some = messages[start : start + _PUBLISHED_AT_ONCE]
            await asyncio.gather(
                *(self._js.publish(each.subject, each.payload, _PUBLISH_S, headers=each.headers) for each in some)
            )


@dataclass(frozen=True, slots=True)
class _Message:
    subject: str
    payload: bytes
    headers: dict[str, str]


def _messages(entry: Entry[Effects]) -> Iterator[_Message]:
    if entry.payload is None:
        return
    partition, written = entry.partition, to_rows(entry.payload.candles)
    for start in range(0, len(written), ROWS_PER_MESSAGE):
        payload = written[start : start + ROWS_PER_MESSAGE].tobytes()
        # A replay forms other batches: an id by position would take an amendment for what came before it.
        digest = blake2b(payload, digest_size=16).hexdigest()
        yield _Message(subjects.candles(partition), payload, {"Nats-Msg-Id": f"c-{partition}-{digest}"})
    for reject in entry.payload.rejects:
        subject = subjects.late(partition) if reject.reason == LATE else subjects.quarantine(partition)
        headers = {
            "Nats-Msg-Id": f"r-{partition}-{reject.tape_sequence}-{reject.reason}",
            REASON_HEADER: reject.reason,
            TAPE_HEADER: str(reject.tape_sequence),
        }
        yield _Message(subject, reject.payload, headers)
