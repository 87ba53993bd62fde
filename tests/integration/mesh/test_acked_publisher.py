"""Messages onto a stream, each acknowledged: stored once, whatever goes wrong on the way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest_asyncio

from infra.local.servers import NatsServer
from mesh.acked_publisher import MAX_IN_FLIGHT, AckedPublisher, Message
from mesh.connection import Connection, connect
from mesh.settings import MeshSettings
from mesh.specs import StreamSpec
from mesh.streams import ensure

PILE = StreamSpec("PILE", ("pile.>",), 1 << 24, 0.0, 1, "a pile", is_kept=True)
WITHIN_S = 60.0


@pytest_asyncio.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[Connection]:
    connection = await connect(MeshSettings(nats_url=nats_server.url), "publisher")
    yield connection
    await connection.close()


def messages(count: int) -> list[Message]:
    return [Message(f"pile.{at % 7}", str(uuid4()), b"%d" % at) for at in range(count)]


async def stored(client: Connection) -> int:
    return (await client.jetstream().stream_info("PILE")).state.messages


async def retried(publisher: AckedPublisher, times: int) -> None:
    for _ in range(int(WITHIN_S / 0.05)):
        if publisher.retried >= times:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"only {publisher.retried} of {times} attempts")


async def test_more_than_may_be_on_their_way_are_all_stored_in_order(client: Connection) -> None:
    await ensure(client.jetstream(), [PILE])
    publisher = AckedPublisher(client)
    async with asyncio.timeout(WITHIN_S):
        await publisher.publish([])
        await publisher.publish(messages(2 * MAX_IN_FLIGHT + 1))
    assert await stored(client) == publisher.published == 2 * MAX_IN_FLIGHT + 1
    assert (publisher.retried, publisher.duplicates) == (0, 0)
    first, last = [await client.jetstream().get_msg("PILE", each) for each in (1, publisher.published)]
    assert (first.data, last.data) == (b"0", b"%d" % (2 * MAX_IN_FLIGHT))


async def test_what_can_wait_is_given_back_by_a_stream_that_is_full(client: Connection) -> None:
    await ensure(client.jetstream(), [replace(PILE, max_bytes=2_000)])
    publisher, some = AckedPublisher(client), [each._replace(can_wait=True) for each in messages(100)]
    async with asyncio.timeout(WITHIN_S):
        refused = await publisher.publish(some)
    kept = await stored(client)
    assert 0 < kept == publisher.published < 100
    assert refused == {each.id for each in some[kept:]}


async def test_what_comes_again_is_stored_once(client: Connection) -> None:
    await ensure(client.jetstream(), [PILE])
    publisher, some = AckedPublisher(client), messages(10)
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(publisher.publish(some), publisher.publish(some))
    assert (await stored(client), publisher.published, publisher.duplicates) == (10, 20, 10)


async def test_messages_wait_for_a_stream_and_for_a_server(client: Connection, nats_server: NatsServer) -> None:
    publisher = AckedPublisher(client)
    async with asyncio.timeout(WITHIN_S):
        early = asyncio.create_task(publisher.publish([each._replace(can_wait=True) for each in messages(3)]))
        await retried(publisher, 1)
        await ensure(client.jetstream(), [PILE])
        assert await early == set()  # only a stream that is full is not waited for
        await nats_server.stop()
        late = asyncio.create_task(publisher.publish(messages(MAX_IN_FLIGHT + 5)))
        await retried(publisher, publisher.retried + 1)
        await nats_server.start()
        await late
    assert await stored(client) == MAX_IN_FLIGHT + 8


async def test_who_gives_up_leaves_nothing_on_its_way(client: Connection) -> None:
    publisher = AckedPublisher(client)
    giving_up = asyncio.create_task(publisher.publish(messages(MAX_IN_FLIGHT + 1)))
    await asyncio.sleep(0)
    giving_up.cancel()
    await asyncio.wait([giving_up])
    await ensure(client.jetstream(), [PILE])
    async with asyncio.timeout(WITHIN_S):
        await publisher.publish(messages(MAX_IN_FLIGHT))
    assert publisher.published == MAX_IN_FLIGHT
