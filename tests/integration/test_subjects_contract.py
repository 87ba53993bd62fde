"""A real feed on a real nats-server, seen as another team sees it: every subject keeps to `subjects.md`."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import Process
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgpack
import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from infra.local.servers import NatsServer
from market.book import BOOK_BYTES, LEVELS
from market.codes import NO_INSTRUMENT, Kind, Side, TradingState
from market.rows import EVENT_TYPES, STATE
from market.subjects import DEFAULT_PARTITIONS, partitions_of
from market.symbols import SymbolKey

ROOT = Path(__file__).parents[2]
WITHIN_S = 20.0
EPOCH = 1  # of the first feed on a new server
SUBJECT = re.compile(r"(quote|trade|depth)\.([A-Z0-9]{4}\.(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+)|status\.([A-Z0-9]{4})")

Connect = Callable[[str], Awaitable[Client]]


@pytest.fixture
async def feed(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Process]:
    environment = {
        **os.environ,
        "TICKMESH_NATS_URL": nats_server.url,
        "TICKMESH_CACHE_URL": "",
        "TICKMESH_FEED": "sim:rate=2000,seed=5,profile=flat,time=12:00",
    }
    with (tmp_path / "feed.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workers.feed", cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    clients: list[Client] = []

    async def open_client(url: str) -> Client:
        clients.append(await nats.connect(url, allow_reconnect=False))
        return clients[-1]

    yield open_client
    for client in clients:
        await client.close()


async def collect(client: Client, wildcard: str, is_enough: Callable[[list[Msg]], bool]) -> list[Msg]:
    """Subscribe until what came is enough."""
    messages: list[Msg] = []
    subscription = await client.subscribe(wildcard)
    async with asyncio.timeout(WITHIN_S):
        while not is_enough(messages):
            messages.append(await subscription.next_msg(timeout=WITHIN_S))
    await subscription.unsubscribe()
    return messages


def rows_of(data: bytes) -> list[list[int | float | str]]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    return list(unpacker)


def has(messages: list[Msg], kind: Kind) -> bool:
    return any(row[0] == kind for message in messages for row in rows_of(message.data))


async def test_a_guest_sees_every_subject_as_documented(
    nats_server: NatsServer, feed: Process, connect: Connect
) -> None:
    guest = await connect(nats_server.guest_url)
    quotes, trades, depth, status = await asyncio.gather(
        collect(guest, "quote.>", lambda messages: len(messages) >= 2000),
        collect(guest, "trade.>", lambda messages: len(messages) >= 300),
        collect(guest, "depth.>", lambda messages: len(messages) >= 300),
        collect(guest, "status.*", lambda messages: len(messages) >= 8),
    )
    assert feed.returncode is None
    for message in (*quotes, *trades, *depth, *status):
        assert SUBJECT.fullmatch(message.subject), message.subject
        assert message.headers is None
    check_quotes(quotes)
    check_trades(trades)
    check_depth(depth)
    check_heartbeats(status)


def check_quotes(messages: list[Msg]) -> None:
    last_sequence: dict[str, int] = {}
    for message in messages:
        (row,) = rows_of(message.data)
        assert len(message.data) == STATE.width_bytes
        assert row[0] == Kind.STATE
        assert row[3] >> 32 == EPOCH
        assert row[3] > last_sequence.get(message.subject, 0)
        assert min(row[4], row[5]) > 10**18, "times are ns since 1970"
        last_sequence[message.subject] = row[3]
    states = [rows_of(message.data)[0] for message in messages]
    assert any(bid < ask for *_, bid, _, ask, _, _, _, _, _, _, _, _ in states)


def check_trades(messages: list[Msg]) -> None:
    for message in messages:
        prints = rows_of(message.data)
        assert len(message.data) == 73 * len(prints)
        assert {row[0] for row in prints} <= {Kind.TRADE, Kind.CORRECTION}
        assert len({row[2] for row in prints}) == 1
        assert [row[3] for row in prints] == sorted({row[3] for row in prints})


def check_depth(messages: list[Msg]) -> None:
    for message in messages:
        assert len(message.data) == BOOK_BYTES
        levels = rows_of(message.data)
        assert {row[0] for row in levels} == {Kind.LEVEL}
        places = [(side, level) for side in Side for level in range(LEVELS)]
        assert [(row[1], row[2]) for row in levels] == places
        bids, asks = ([row[7] for row in half if row[8] > 0] for half in (levels[:LEVELS], levels[LEVELS:]))
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)


def check_heartbeats(messages: list[Msg]) -> None:
    alive = [row for message in messages for row in rows_of(message.data) if row[6] == TradingState.FEED_ALIVE]
    assert alive
    for row in alive:
        assert (row[0], row[2], row[3]) == (Kind.STATUS, NO_INSTRUMENT, 0)


async def test_a_guest_asks_for_snapshots(nats_server: NatsServer, feed: Process, connect: Connect) -> None:
    guest = await connect(nats_server.guest_url)
    for subject in ("quote.XNAS.AAPL", "status.XNAS"):  # then it is listed, and the service answers
        await collect(guest, subject, lambda messages: len(messages) >= 1)
    answer = await guest.request("snapshot.XNAS.AAPL", b"", timeout=WITHIN_S)
    assert len(answer.data) in {STATE.width_bytes, STATE.width_bytes + BOOK_BYTES}
    state, *levels = rows_of(answer.data)
    assert state[0] == Kind.STATE
    assert state[3] >> 32 == EPOCH
    assert {row[0] for row in levels} <= {Kind.LEVEL}
    unknown = await guest.request("snapshot.XNAS.NOPE", b"", timeout=WITHIN_S)
    assert (unknown.data, unknown.headers["Nats-Service-Error-Code"]) == (b"", "404")
    malformed = await guest.request("snapshot.XNAS.A=2e", b"", timeout=WITHIN_S)
    assert (malformed.data, malformed.headers["Nats-Service-Error-Code"]) == (b"", "400")
    with pytest.raises(NoRespondersError):
        await guest.request("snapshot.XLON.VOD", b"", timeout=WITHIN_S)


async def test_a_guest_is_kept_out_of_the_rest(nats_server: NatsServer) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        await refused.put(str(error).lower())

    guest = await nats.connect(nats_server.guest_url, error_cb=note)
    try:
        for subject in ("tape.>", "ops.>", "$JS.API.>", "$KV.>"):
            await guest.subscribe(subject)
            error = await asyncio.wait_for(refused.get(), WITHIN_S)
            assert "permissions violation for subscription" in error
            assert subject.lower() in error
        for subject in ("quote.XNAS.AAPL", "tape.0", "$JS.API.INFO"):
            await guest.publish(subject, b"")
            error = await asyncio.wait_for(refused.get(), WITHIN_S)
            assert "permissions violation for publish" in error
            assert subject.lower() in error
        assert guest.is_connected
    finally:
        await guest.close()


async def test_the_tape_keeps_to_its_contract(nats_server: NatsServer, feed: Process, connect: Connect) -> None:
    mesh = await connect(nats_server.url)
    beats = await collect(mesh, "ops.feed.*", lambda messages: any(json.loads(m.data)["rows"] > 4000 for m in messages))
    check_feed_heartbeat(beats[-1])
    jetstream = mesh.jetstream()
    subscription = await jetstream.pull_subscribe("tape.*", stream="TAPE")
    newest = (await jetstream.stream_info("TAPE")).state.last_seq
    last: dict[int, int] = defaultdict(lambda: EPOCH << 32)
    read = 0
    while read < newest:
        for message in await subscription.fetch(min(200, newest - read), timeout=WITHIN_S):
            read = message.metadata.sequence.stream
            check_batch(message, last)
            await message.ack()
    assert len(last) == 500


def check_batch(message: Msg, last: dict[int, int]) -> None:
    events = rows_of(message.data)
    partition = message.subject.removeprefix("tape.")
    assert message.headers["Nats-Msg-Id"].startswith(f"sim-{EPOCH}-{partition}-")
    assert len(message.data) == 73 * len(events)
    assert {row[0] for row in events} <= set(EVENT_TYPES)
    assert set(partitions_of([row[2] for row in events], DEFAULT_PARTITIONS)) == {int(partition)}
    for row in events:
        assert row[3] == last[row[2]] + 1
        last[row[2]] = row[3]


def check_feed_heartbeat(message: Msg) -> None:
    page = (ROOT / "subjects.md").read_text()
    documented = set(re.findall(r"^\| feed \| `(\w+)` \|", page, re.MULTILINE))
    assert documented
    assert documented <= json.loads(message.data).keys()


async def test_buckets_hold_what_is_documented(nats_server: NatsServer, feed: Process, connect: Connect) -> None:
    mesh = await connect(nats_server.url)
    await collect(mesh, "quote.XNYS.BRK=2EB", lambda messages: len(messages) >= 1)
    jetstream = mesh.jetstream()
    feeds = await jetstream.key_value("FEEDS")
    assert {key: (await feeds.get(key)).value for key in await feeds.keys()} == {
        "epoch": b"1",
        "next_instrument": b"500",
    }
    instruments = await jetstream.key_value("INSTRUMENTS")
    entry = msgpack.unpackb((await instruments.get("XNYS.BRK=2EB")).value)
    assert entry.keys() == {"number", "name", "currency", "tick_size", "sector"}
    assert SymbolKey.from_token("XNYS.BRK=2EB") == SymbolKey("XNYS", "BRK.B")
    feed.terminate()
    assert await feed.wait() == 0
    checkpoint = await (await jetstream.object_store("CHECKPOINTS")).get("feed.sim")
    version, tape_sequence, states = msgpack.unpackb(checkpoint.data)
    assert version == 1
    assert 0 < tape_sequence <= (await jetstream.stream_info("TAPE")).state.last_seq
    assert len(STATE.read(states)) == 500
