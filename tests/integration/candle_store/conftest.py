"""A migrated database of the test's own, and candles to put into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from infra.migrate import migrate
from market.symbols import SymbolKey
from mesh.candles.store import CandleStore
from mesh.candles.writer import CandleWriter


def name_of(number: int) -> SymbolKey:
    return SymbolKey("XNAS" if number % 2 else "XNYS", f"S{number}")


@pytest_asyncio.fixture
async def candles_url(postgres_url: str) -> str:
    await asyncio.to_thread(migrate, postgres_url)
    return postgres_url


@pytest_asyncio.fixture
async def writer(candles_url: str) -> AsyncIterator[CandleWriter]:
    writer = CandleWriter(candles_url, name_of)
    yield writer
    await writer.close()


@pytest_asyncio.fixture
async def store(candles_url: str) -> AsyncIterator[CandleStore]:
    store = CandleStore(candles_url, name_of)
    yield store
    await store.close()
