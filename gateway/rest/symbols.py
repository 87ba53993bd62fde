"""`GET /symbols?query=`: find instruments by ticker or name."""

import asyncio
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from gateway.search import SymbolIndex

_LARGE_INDEX = 5_000  # beyond it a search takes milliseconds, which the live stream does not have


class FoundSymbol(msgspec.Struct, frozen=True):
    """One instrument that matches."""

    symbol: str
    ticker: str
    venue: str
    name: str
    currency: str


class FoundSymbols(msgspec.Struct, frozen=True):
    """The matches, best first."""

    symbols: list[FoundSymbol]


class SymbolsController(Controller):
    """The symbol search."""

    tags = ["symbols"]  # noqa: RUF012  # Litestar's own way to tag a controller

    @get("/symbols", summary="Search by ticker and name")
    async def symbols(
        self,
        text: Annotated[str, QueryParameter(name="query", description="1 to 64 characters of a ticker or name")],
        index: NamedDependency[SymbolIndex],
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    ) -> FoundSymbols:
        """Answer with exact tickers first, then beginnings, then what is alike."""
        if len(index) > _LARGE_INDEX:
            found = await asyncio.to_thread(index.search, text, limit)
        else:
            found = index.search(text, limit)
        return FoundSymbols(
            [FoundSymbol(str(each.key), each.key.symbol, each.key.venue, each.name, each.currency) for each in found]
        )
