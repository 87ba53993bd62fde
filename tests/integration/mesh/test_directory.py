"""The instrument directory on a real bucket: numbers are given once, whoever asks and whatever breaks."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from infra.local.servers import NatsServer
from market.instrument import Instrument, Listing
from market.symbols import SymbolKey
from mesh.connection import Connection
from mesh.directory import Directory, DirectoryError, add_to_counter
from mesh.streams import FEEDS, INSTRUMENTS

Until = Callable[..., Awaitable[None]]
Connect = Callable[..., Awaitable[Connection]]


def listings(start: int, end: int, venue: str = "XNAS") -> list[Listing]:
    return [Listing(SymbolKey(venue, f"S.{number}"), f"Company {number}") for number in range(start, end)]


async def opened(connected: Connect) -> Directory:
    return await Directory.open((await connected()).jetstream())


async def test_numbers_are_dense_from_zero_and_kept(connected: Connect, js: JetStreamContext) -> None:
    directory = await Directory.open(js)
    first = await directory.enlist(listings(0, 300))
    assert [instrument.number for instrument in first] == list(range(300))
    again = await directory.enlist([*listings(250, 310), *listings(0, 5)])
    assert [instrument.number for instrument in again] == [*range(250, 310), *range(5)]
    assert await directory.enlist([]) == []
    assert len(directory) == directory.capacity == 310


async def test_one_name_listed_twice_at_once_has_one_number(js: JetStreamContext) -> None:
    directory = await Directory.open(js)
    (one,) = listings(0, 1)
    named_otherwise = Listing(one.key, "The same under another name")
    instruments = await directory.enlist([one, named_otherwise, *listings(1, 2)])
    assert [instrument.number for instrument in instruments] == [0, 0, 1]


async def test_many_processes_that_list_the_same_at_once_agree(connected: Connect, js: JetStreamContext) -> None:
    directories = [await opened(connected) for _ in range(4)]
    wanted = [listings(start, start + 60) for start in (0, 20, 40, 0)]
    answers = await asyncio.gather(*(each.enlist(ask) for each, ask in zip(directories, wanted, strict=True)))
    numbers: dict[str, set[int]] = {}
    for answer in answers:
        for instrument in answer:
            numbers.setdefault(str(instrument.key), set()).add(instrument.number)
    assert len(numbers) == 100
    assert {len(given) for given in numbers.values()} == {1}
    assert len(set.union(*numbers.values())) == 100
    fresh = await Directory.open(js)
    assert {str(each.key): {each.number} for each in fresh.all()} == numbers
    (next_one,) = await fresh.enlist(listings(500, 501))
    assert next_one.number > max(max(given) for given in numbers.values())


async def test_what_was_listed_is_found_by_every_name_after_a_reload(connected: Connect, js: JetStreamContext) -> None:
    directory = await Directory.open(js)
    listed = [
        Listing(SymbolKey("XNYS", "BRK.B"), "Berkshire Hathaway", "USD", 0.01),
        Listing(SymbolKey("XTKS", "日経*>"), "日経", "JPY", 1.0),
        Listing(SymbolKey("XNAS", "BRK.B"), "The same symbol elsewhere", "USD", 0.0),
    ]
    await directory.enlist(listed)
    fresh = await opened(connected)
    assert [instrument.listing for instrument in fresh.all()] == listed
    assert [each.key.venue for each in fresh.with_symbol("BRK.B")] == ["XNYS", "XNAS"]
    assert fresh.with_symbol("NONE") == ()
    found = fresh.get(SymbolKey("XTKS", "日経*>"))
    assert found is not None
    assert fresh.numbered(found.number) is found
    assert fresh.numbered(99) is fresh.get(SymbolKey("XNAS", "NONE")) is None


async def test_a_follower_learns_what_others_list(connected: Connect, js: JetStreamContext, until: Until) -> None:
    follower, added = await opened(connected), list[Instrument]()
    follower.on_added(added.append)
    following = asyncio.ensure_future(follower.follow())
    directory = await Directory.open(js)
    await directory.enlist(listings(0, 50))
    await until(lambda: len(follower) == 50)
    assert [str(each.key) for each in follower.all()] == [str(each.key) for each in directory.all()]
    assert Counter(each.number for each in added) == Counter(range(50))
    following.cancel()


async def test_followers_and_numbers_survive_the_servers_restart(
    connected: Connect, js: JetStreamContext, nats_server: NatsServer, until: Until
) -> None:
    client = await connected()
    follower = await Directory.open(client.jetstream())
    client.on_reconnect(follower.reconnected)
    following = asyncio.ensure_future(follower.follow())
    await (await Directory.open(js)).enlist(listings(0, 20))
    await until(lambda: len(follower) == 20)
    for restart in range(1, 3):
        nats_server.kill()
        await nats_server.exited()
        await nats_server.start()
        await until(lambda: client.is_connected)
        other = await opened(connected)
        numbers = [each.number for each in await other.enlist(listings(0, 20 + restart))]
        assert numbers == list(range(20 + restart))
        await until(lambda restart=restart: len(follower) == 20 + restart)
    assert [each.number for each in follower.all()] == list(range(22))
    following.cancel()


async def test_a_follower_goes_on_after_its_connection_alone_was_lost(
    connected: Connect, js: JetStreamContext, until: Until
) -> None:
    client = await connected()
    follower = await Directory.open(client.jetstream())
    client.on_reconnect(follower.reconnected)
    following = asyncio.ensure_future(follower.follow())
    directory = await Directory.open(js)
    for start in range(0, 200, 50):
        await client.force_reconnect()
        await directory.enlist(listings(start, start + 50))  # while it reconnects and reads anew
        await until(lambda end=start + 50: len(follower) == end and client.is_connected)
    following.cancel()


async def test_an_entry_that_cannot_be_read_is_left_out_and_said(
    connected: Connect, js: JetStreamContext, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = await js.key_value(INSTRUMENTS)
    await bucket.put("XNAS.A=2e", msgspec.msgpack.encode({"number": 1, "name": "", "currency": "", "tick_size": 0.0}))
    await bucket.put("XNAS.B", b"no msgpack")
    directory = await opened(connected)
    assert len(directory) == 0
    assert "directory entry XNAS.A=2e is left out" in caplog.text
    assert "directory entry XNAS.B is left out" in caplog.text
    with pytest.raises(DirectoryError, match=r"the entry XNAS\.B is there and cannot be read"):
        await directory.enlist([Listing(SymbolKey("XNAS", "B"), "B")])


async def test_a_directory_out_of_reach_is_a_directory_error(js: JetStreamContext, nats_server: NatsServer) -> None:
    directory = await Directory.open(js)
    await js.delete_key_value(FEEDS)
    with pytest.raises(DirectoryError, match="the directory is out of reach"):
        await directory.enlist(listings(0, 1))


async def test_a_counter_gives_every_number_once_however_many_ask(connected: Connect, js: JetStreamContext) -> None:
    counters = [await (await connected()).jetstream().key_value(FEEDS) for _ in range(5)]
    given = await asyncio.gather(*(add_to_counter(each, "epoch", 1) for each in counters for _ in range(2)))
    assert sorted(given) == list(range(1, 11))
    assert await add_to_counter(counters[0], "epoch", 100) == 110
    assert await add_to_counter(counters[0], "another", 3) == 3


class Contended:
    """A real bucket in which somebody else is always a little faster."""

    def __init__(self, bucket: KeyValue) -> None:
        self.bucket = bucket
        self.create, self.update = bucket.create, bucket.update
        self.looks = 0

    async def get(self, key: str) -> KeyValue.Entry:
        self.looks += 1
        try:
            return await self.bucket.get(key)
        finally:
            await self.bucket.put(key, b"%d" % self.looks)


async def test_a_counter_that_stays_contended_is_given_up_by_name(js: JetStreamContext) -> None:
    contended = Contended(await js.key_value(FEEDS))
    with pytest.raises(KeyNotFoundError):
        await contended.bucket.get("epoch")
    with pytest.raises(DirectoryError, match="counter epoch stayed contended through 20 attempts"):
        await add_to_counter(contended, "epoch", 1)
    assert contended.looks == 20
