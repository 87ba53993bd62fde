"""Where the worker reads from beside the ledger's commands, and where it writes days."""

from collections.abc import Callable
from dataclasses import dataclass

from market.symbols import SymbolKey
from mesh.candles.store import CandleStore
from mesh.ledger.days import DayStore
from mesh.ledger.positions import PositionReader
from mesh.ledger.store import LedgerStore
from mesh.quote_cache import QuoteCache


@dataclass(frozen=True, slots=True)
class Stores:
    """Each connects when it is first used."""

    positions: PositionReader
    ledger: LedgerStore
    days: DayStore
    candles: CandleStore
    cache: QuoteCache | None

    @classmethod
    def of(cls, dsn: str, cache_url: str, name_of: Callable[[int], SymbolKey]) -> "Stores":
        """Make all of them; `name_of` gives an instrument's name, of which the tables of candles know it."""
        return cls(
            PositionReader(dsn),
            LedgerStore(dsn, 1),
            DayStore(dsn),
            CandleStore(dsn, name_of, 1),
            QuoteCache(cache_url) if cache_url else None,
        )

    async def close(self) -> None:
        """Give back all connections."""
        for store in (self.positions, self.ledger, self.days, self.candles, self.cache):
            if store is not None:
                await store.close()
