"""The quote cache on a real Redis-compatible server, which may go and come back."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from infra.local.servers import ValkeyServer
from market import rows
from market.row_type import Rows
from market.symbols import SymbolKey
from mesh.quote_cache import QuoteCache, cache_key


@pytest_asyncio.fixture
async def cache(valkey_server: ValkeyServer) -> AsyncIterator[QuoteCache]:
    made = QuoteCache(valkey_server.url)
    yield made
    await made.close()


def keys(count: int) -> list[SymbolKey]:
    return [SymbolKey("XNAS", f"S.{number}") for number in range(count)]


def states(count: int, sequence: int = 7) -> Rows:
    made = rows.STATE.blank(count)
    made["instrument"], made["sequence"] = range(count), sequence
    return made


async def test_every_state_written_is_read_back_whole(cache: QuoteCache) -> None:
    written = states(2500)
    assert await cache.write(keys(2500), written)
    found = await cache.read(keys(2500))
    assert [found[key].tobytes() for key in keys(2500)] == [written[at : at + 1].tobytes() for at in range(2500)]


async def test_a_later_state_replaces_an_earlier_one(cache: QuoteCache) -> None:
    await cache.write(keys(2), states(2, sequence=1))
    await cache.write(keys(1), states(1, sequence=2))
    assert [int(row["sequence"][0]) for row in (await cache.read(keys(2))).values()] == [2, 1]


async def test_what_is_missing_or_unreadable_is_left_out(cache: QuoteCache, valkey_server: ValkeyServer) -> None:
    await cache.write(keys(1), states(1))
    async with Redis.from_url(valkey_server.url) as redis:
        await redis.mset(
            {
                cache_key(SymbolKey("XNAS", "OLD")): b"from another version",
                cache_key(SymbolKey("XNAS", "TWO")): states(2).tobytes(),
                cache_key(SymbolKey("XNAS", "TRADE")): rows.TRADE.template,
            }
        )
    asked = [*keys(2), *(SymbolKey("XNAS", name) for name in ("OLD", "TWO", "TRADE"))]
    assert list(await cache.read(asked)) == keys(1)
    assert await cache.read([]) == {}


async def test_a_cache_that_is_killed_is_an_empty_one_until_it_is_back(
    cache: QuoteCache, valkey_server: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert await cache.write(keys(3), states(3))
    valkey_server.kill()
    await valkey_server.exited()
    for _ in range(2):
        assert await cache.write(keys(3), states(3)) is False
        assert await cache.read(keys(3)) == {}
        assert await cache.ping() is False
    assert cache.is_up is False
    assert caplog.text.count("the cache is away") == 1
    await valkey_server.start()
    assert await cache.ping() is True
    assert caplog.text.count("the cache is back") == 1
    assert await cache.read(keys(3)) == {}
    assert await cache.write(keys(3), states(3))
    assert len(await cache.read(keys(3))) == 3


async def test_a_wrong_password_is_a_cache_that_is_away(valkey_server: ValkeyServer) -> None:
    cache = QuoteCache(f"redis://:wrong@127.0.0.1:{valkey_server.port}/0")
    assert await cache.write(keys(1), states(1)) is False
    assert cache.is_up is False
    await cache.close()
