"""The tape on a real JetStream, whatever happens to the server: nothing lost, nothing twice, nothing out of order."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import numpy as np
import pytest
from nats.js import JetStreamContext

from infra.local.servers import NatsServer
from market import rows, subjects
from market.row_type import Rows
from mesh import tape_publisher
from mesh.connection import Connection
from mesh.settings import MeshSettings
from mesh.streams import TAPE, declared, ensure
from mesh.tape_publisher import FIRST_RETRY_S, MAX_RETRY_S, TapePublisher

Until = Callable[..., Awaitable[None]]
Connect = Callable[..., Awaitable[Connection]]
TapeOf = Callable[[JetStreamContext], Awaitable[list[tuple[str, Rows]]]]

PARTITIONS = 4
NOTHING_WRONG = {"lost": 0, "duplicated": 0, "out of order": 0}


class Writer(Protocol):
    def trades(self, count: int) -> Rows: ...
    def compare(self, stored: list[tuple[str, Rows]]) -> dict[str, int]: ...


class Clock:
    """The publisher's clock: stands still until it is moved on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def publishing(client: Connection, now_s: Callable[[], float] = time.monotonic) -> AsyncIterator[TapePublisher]:
    """A publisher with its retries beside it, wired to its connection as a feed wires it."""
    tape = TapePublisher(client, "test", 1, PARTITIONS, now_s)

    async def reconnected() -> None:
        tape.retry_now()

    client.on_reconnect(reconnected)
    retries = asyncio.ensure_future(tape.retry_for_ever())
    try:
        yield tape
    finally:
        retries.cancel()


def flat(stored: list[tuple[str, Rows]], subject: str) -> bytes:
    return b"".join(events.tobytes() for at, events in stored if at == subject)


async def test_every_row_is_stored_once_in_its_partition_in_order(
    connected: Connect, js: JetStreamContext, writer: Writer, tape_of: TapeOf
) -> None:
    batches = [writer.trades(count) for count in (1, 700, 3, 2500, 400, 0)]
    async with publishing(await connected()) as tape:
        for batch in batches:
            tape.append(batch)
            tape.flush()
            await tape.room()
        await asyncio.wait_for(tape.settled(), 20)
        assert tape.unacked_bytes == 0
        assert tape.acked_bytes == sum(batch.nbytes for batch in batches)
        assert tape.retried_batches == tape.duplicate_batches == 0
        stored = await tape_of(js)
        assert tape.last_sequence == len(stored) == tape.acked_batches
    everything = rows.join(batches)
    partitions = subjects.partitions_of(everything["instrument"], PARTITIONS)
    for partition in range(PARTITIONS):
        expected = rows.take(everything, np.flatnonzero(partitions == partition))
        assert flat(stored, f"tape.{partition}") == expected.tobytes()
    assert writer.compare(stored) == NOTHING_WRONG


async def test_what_waits_for_an_acknowledgement_leaves_together(
    connected: Connect, js: JetStreamContext, writer: Writer, tape_of: TapeOf
) -> None:
    async with publishing(await connected()) as tape:
        for _ in range(50):  # no turn of the loop in between: no acknowledgement can come
            tape.append(writer.trades(40))
            tape.flush()
        await asyncio.wait_for(tape.settled(), 20)
        assert tape.acked_batches <= 2 * PARTITIONS
    assert writer.compare(await tape_of(js)) == NOTHING_WRONG


async def test_a_batch_stays_below_its_bound(
    connected: Connect, js: JetStreamContext, writer: Writer, tape_of: TapeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tape_publisher, "MAX_BATCH_BYTES", 10 * rows.EVENT_BYTES)
    async with publishing(await connected()) as tape:
        for _ in range(30):
            tape.append(writer.trades(8))
        await asyncio.wait_for(tape.settled(), 20)
    stored = await tape_of(js)
    assert max(len(events) for _, events in stored) <= 10
    assert writer.compare(stored) == NOTHING_WRONG


@pytest.mark.timeout(120)
async def test_a_server_killed_in_the_middle_loses_and_repeats_nothing(
    connected: Connect, js: JetStreamContext, nats_server: NatsServer, writer: Writer, tape_of: TapeOf, until: Until
) -> None:
    async with publishing(await connected()) as tape:
        for kill in range(3):
            enough = tape.acked_batches + 60
            while tape.acked_batches < enough:
                tape.append(writer.trades(300))
                tape.flush()
                await asyncio.sleep(0)
            nats_server.kill()  # batches are on their way
            for _ in range(20):
                tape.append(writer.trades(50))
                tape.flush()
            await nats_server.exited()
            acked = tape.acked_batches
            await nats_server.start()
            await until(lambda acked=acked: tape.acked_batches > acked)
            assert tape.retried_batches > kill
        await asyncio.wait_for(tape.settled(), 20)
    stored = await tape_of(js)
    assert writer.compare(stored) == NOTHING_WRONG
    assert sum(len(events) for _, events in stored) == sum(writer.counts)  # type: ignore[attr-defined]


async def test_a_server_that_hangs_longer_than_a_retry_stores_a_batch_once(
    connected: Connect, js: JetStreamContext, nats_server: NatsServer, writer: Writer, tape_of: TapeOf, until: Until
) -> None:
    clock = Clock()
    async with publishing(await connected(), clock) as tape:
        nats_server.kill(signal.SIGSTOP)
        tape.append(writer.trades(200))
        tape.flush()
        clock.now_s += FIRST_RETRY_S
        await until(lambda: tape.retried_batches == PARTITIONS)
        nats_server.kill(signal.SIGCONT)
        await asyncio.wait_for(tape.settled(), 20)
        tape.append(writer.trades(200))
        await asyncio.wait_for(tape.settled(), 20)
    assert writer.compare(await tape_of(js)) == NOTHING_WRONG
    assert (await js.stream_info(TAPE)).state.messages == 2 * PARTITIONS


class SwallowingProxy:
    """Passes a connection on to the server; what the server answers can be made to vanish."""

    def __init__(self, port: int) -> None:
        self.swallows = False
        self.swallowed = b""
        self._port = port
        self._pumps: list[asyncio.Task[None]] = []

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self._port)
        self._pumps += [
            asyncio.ensure_future(self._pump(reader, requests, may_swallow=False)),
            asyncio.ensure_future(self._pump(answers, writer, may_swallow=True)),
        ]

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, may_swallow: bool) -> None:
        try:
            while data := await source.read(1 << 20):
                if may_swallow and self.swallows:
                    self.swallowed += data
                else:
                    sink.write(data)
        finally:
            sink.close()
            await sink.wait_closed()

    async def closed(self) -> None:
        await asyncio.gather(*self._pumps)


async def test_a_lost_acknowledgement_costs_a_repetition_that_the_server_recognises(
    connected: Connect, js: JetStreamContext, nats_server: NatsServer, writer: Writer, tape_of: TapeOf, until: Until
) -> None:
    proxy, clock = SwallowingProxy(nats_server.port), Clock()
    listener = await asyncio.start_server(proxy.connection, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = await connected(nats_server.url.replace(str(nats_server.port), str(port)))
    async with publishing(client, clock) as tape:
        await client.flush()
        proxy.swallows = True
        tape.append(writer.trades(100))
        tape.flush()
        await until(lambda: proxy.swallowed.count(b'"seq"') == PARTITIONS)
        assert tape.acked_batches == 0
        proxy.swallows = False
        clock.now_s += FIRST_RETRY_S
        await asyncio.wait_for(tape.settled(), 20)
        assert tape.acked_batches == tape.duplicate_batches == tape.retried_batches == PARTITIONS
    assert writer.compare(await tape_of(js)) == NOTHING_WRONG
    assert (await js.stream_info(TAPE)).state.messages == PARTITIONS
    listener.close()
    await client.close()
    await proxy.closed()


async def test_past_its_bound_the_publisher_has_no_room_until_the_server_answers(
    connected: Connect, js: JetStreamContext, nats_server: NatsServer, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tape_publisher, "MAX_UNACKED_BYTES", 1000 * rows.EVENT_BYTES)
    async with publishing(await connected()) as tape:
        nats_server.kill(signal.SIGSTOP)
        tape.append(writer.trades(999))
        await asyncio.wait_for(tape.room(), 1)
        tape.append(writer.trades(1))
        room = asyncio.ensure_future(tape.room())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not room.done()
        nats_server.kill(signal.SIGCONT)
        await asyncio.wait_for(room, 20)
        assert tape.unacked_bytes < 1000 * rows.EVENT_BYTES


async def test_without_a_stream_batches_wait_said_and_bounded_and_go_once_it_is_there(
    connected: Connect,
    js: JetStreamContext,
    writer: Writer,
    tape_of: TapeOf,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    await js.delete_stream(TAPE)
    async with publishing(await connected(), clock) as tape:
        for _ in range(5):
            tape.append(writer.trades(100))
            tape.flush()
        await until(lambda: caplog.text.count("no stream takes it; the batch is sent again when due") == PARTITIONS)
        for attempt in (1, 2, 3):
            clock.now_s += MAX_RETRY_S
            await until(lambda attempt=attempt: tape.retried_batches == attempt * PARTITIONS)
            await until(lambda attempt=attempt: caplog.text.count("no stream") == (attempt + 1) * PARTITIONS)
        assert tape.unacked_bytes == 500 * rows.EVENT_BYTES
        assert tape.acked_batches == 0
        await ensure(js, declared(MeshSettings(nats_url="unused")))
        clock.now_s += MAX_RETRY_S
        await asyncio.wait_for(tape.settled(), 20)
    assert writer.compare(await tape_of(js)) == NOTHING_WRONG


async def test_a_batch_that_the_stream_refuses_is_said_and_kept(
    connected: Connect, js: JetStreamContext, writer: Writer, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    config = (await js.stream_info(TAPE)).config
    await js.update_stream(config.evolve(max_msg_size=100))
    async with publishing(await connected()) as tape:
        tape.append(writer.trades(200))
        tape.flush()
        await until(lambda: caplog.text.count("message size exceeds maximum allowed") == PARTITIONS)
        assert tape.acked_batches == 0
        assert tape.unacked_bytes == 200 * rows.EVENT_BYTES
        await js.update_stream(config)
        await asyncio.wait_for(tape.settled(), 20)
