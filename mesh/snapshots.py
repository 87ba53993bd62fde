"""Present states of many instruments, as their feeds tell them: what live changes are taken up from."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

import numpy as np
from nats.errors import Error as NatsError

from market import rows, subjects
from market.instrument import Instrument
from market.row_type import RowError, Rows, take
from market.symbols import to_token
from mesh.connection import Connection

_logger = logging.getLogger(__name__)

SNAPSHOT_TIMEOUT_S = 1.0
SNAPSHOTS_AT_ONCE = 64
_STATES_OF_A_REQUEST = 500


class Snapshots:
    """Asks feeds for states, a venue's in parts; `asking` bounds how many requests are on their way."""

    def __init__(self, connection: Connection, asking: asyncio.Semaphore) -> None:
        self._connection = connection
        self._asking = asking

    async def of(self, instruments: Sequence[Instrument]) -> Rows:
        """Ask for many present states: STATE rows, without those that nobody answers for."""
        by_venue: dict[str, list[Instrument]] = {}
        for each in instruments:
            by_venue.setdefault(each.key.venue, []).append(each)
        size = _STATES_OF_A_REQUEST
        parts = [some[at : at + size] for some in by_venue.values() for at in range(0, len(some), size)]
        return joined(await asyncio.gather(*map(self._of_part, parts)))

    async def _of_part(self, instruments: Sequence[Instrument]) -> Rows:
        """Ask one venue's feed for some states."""
        venue = instruments[0].key.venue
        tokens = " ".join(to_token(each.key.symbol) for each in instruments).encode()
        async with self._asking:
            if not self._connection.is_connected:
                return rows.STATE.blank(0)
            try:
                answer = await self._connection.request(subjects.snapshots(venue), tokens, timeout=SNAPSHOT_TIMEOUT_S)
                states = rows.STATE.read(answer.data)
            except (NatsError, TimeoutError) as error:
                _logger.debug("no snapshots of %s: %s", venue, str(error) or type(error).__name__)
                return rows.STATE.blank(0)
            except RowError as error:
                _logger.warning("the snapshots of %s cannot be read: %s", venue, error)
                return rows.STATE.blank(0)
        asked = {each.number for each in instruments}
        was_asked = [number in asked for number in states["instrument"].tolist()]
        return states if all(was_asked) else take(states, np.array(was_asked, bool))


def joined(parts: Iterable[Rows]) -> Rows:
    """Put STATE rows one after the other."""
    return np.frombuffer(b"".join(part.tobytes() for part in parts), rows.STATE.dtype)
