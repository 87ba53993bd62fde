"""Messages onto a stream in batches: each stored once and counted, whatever goes wrong on the way."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio

from infra.local.servers import NatsServer
from mesh.acked_publisher import Message
from mesh.batch_publisher import LEAST, BatchPublisher
from mesh.connection import Connection, connect
from mesh.settings import MeshSettings
from mesh.specs import StreamSpec
from mesh.streams import ensure
from tests.integration.tape import Until

PILE = StreamSpec("PILE", ("pile.>",), 1 << 24, 0.0, 1, "a pile", is_kept=True, takes_batches=True)
MANY = 5_000
WITHIN_S = 40.0
AsItLeaves = Callable[[Message, Callable[[], object]], None]


@pytest_asyncio.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[Connection]:
    connection = await connect(MeshSettings(nats_url=nats_server.url), "publisher")
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def publisher(client: Connection) -> BatchPublisher:
    await ensure(client.jetstream(), [PILE])
    return BatchPublisher(client)


@pytest.fixture
def as_it_leaves(client: Connection, monkeypatch: pytest.MonkeyPatch) -> AsItLeaves:
    """Have something happen as a message leaves for the first time; it is lost where that gives True."""

    def arrange(message: Message, happens: Callable[[], object]) -> None:
        write, has_left = client.write_frames, False

        def write_after(frames: Sequence[bytes | memoryview]) -> bool:
            nonlocal has_left
            found = [] if has_left else [each for each in frames if message.id.encode() in bytes(each)]
            has_left = has_left or bool(found)
            is_lost = bool(found) and happens() is True
            return write([each for each in frames if each not in found] if is_lost else frames)

        monkeypatch.setattr(client, "write_frames", write_after)

    return arrange


def messages(count: int) -> list[Message]:
    return [Message(f"pile.{at % 7}", str(uuid4()), b"%d" % at) for at in range(count)]


def ids(some: Sequence[Message]) -> list[str]:
    return [each.id for each in some]


async def stored_ids(client: Connection) -> list[str]:
    """Read the ids of all that the stream has, in its order."""
    count = (await client.jetstream().stream_info("PILE")).state.messages
    reader = await client.jetstream().subscribe("pile.>", ordered_consumer=True)
    found = [await reader.next_msg(timeout=10) for _ in range(count)]
    await reader.unsubscribe()
    return [(each.headers or {})["Nats-Msg-Id"] for each in found]


@pytest.mark.parametrize("count", [0, LEAST - 1, LEAST, 1_501, MANY])
async def test_many_go_in_a_batch_and_few_singly(client: Connection, publisher: BatchPublisher, count: int) -> None:
    some = messages(count)
    async with asyncio.timeout(WITHIN_S):
        await publisher.publish(some)
    assert await stored_ids(client) == ids(some)
    assert (publisher.published, publisher.singly.published) == (count, count if count < LEAST else 0)


@pytest.mark.parametrize(
    "before",
    [slice(0, 1), slice(0, 700), slice(499, 501), slice(-1, None), slice(-700, None), slice(None)],
    ids=["first", "beginning", "middle", "last", "end", "all"],
)
async def test_what_comes_again_is_stored_once(client: Connection, publisher: BatchPublisher, before: slice) -> None:
    some = messages(2_000)
    async with asyncio.timeout(WITHIN_S):
        await publisher.singly.publish(some[before])
        await publisher.publish(some)
    known = ids(some[before])
    assert await stored_ids(client) == [*known, *(each for each in ids(some) if each not in known)]
    assert (publisher.published, publisher.singly.published) == (len(known) + 2_000, len(known))  # the batch did it


async def test_a_stream_gets_them_singly_until_it_takes_batches(client: Connection) -> None:
    await ensure(client.jetstream(), [replace(PILE, takes_batches=False)])
    publisher, before, after = BatchPublisher(client), messages(MANY), messages(LEAST)
    async with asyncio.timeout(WITHIN_S):
        await publisher.publish(before)
        await ensure(client.jetstream(), [PILE])
        await publisher.publish(after)
    assert await stored_ids(client) == ids(before + after)
    assert (publisher.published, publisher.singly.published) == (MANY + LEAST, MANY)


@pytest.mark.parametrize("is_there", [True, False], ids=["full", "missing"])
async def test_messages_wait_for_a_stream_that_takes_them(client: Connection, until: Until, is_there: bool) -> None:
    publisher, some, js = BatchPublisher(client), messages(1_500), client.jetstream()
    async with asyncio.timeout(WITHIN_S):
        await ensure(js, [replace(PILE, max_bytes=100_000)] * is_there)
        early = asyncio.create_task(publisher.publish(some))
        await until(lambda: publisher.singly.retried)
        await ensure(js, [PILE])
        await early
    assert sorted(await stored_ids(client)) == sorted(ids(some))
    assert publisher.published == 1_500


@pytest.mark.parametrize("lost", [[0], [1], [700], [MANY - 1], [300, 301, 2_600]], ids=str)
async def test_what_is_lost_on_its_way_comes_singly(
    client: Connection, publisher: BatchPublisher, as_it_leaves: AsItLeaves, lost: list[int]
) -> None:
    some = messages(MANY)
    for each in lost:
        as_it_leaves(some[each], lambda: True)
    async with asyncio.timeout(WITHIN_S):
        await publisher.publish(some)
    assert sorted(await stored_ids(client)) == sorted(ids(some))
    assert publisher.published == MANY


@pytest.mark.parametrize("fault", [signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP], ids=lambda each: each.name)
@pytest.mark.parametrize("at", [0, MANY // 2, MANY - 1])
async def test_all_are_stored_once_where_the_server_goes_and_comes_back(
    client: Connection,
    publisher: BatchPublisher,
    nats_server: NatsServer,
    as_it_leaves: AsItLeaves,
    until: Until,
    fault: signal.Signals,
    at: int,
) -> None:
    some = messages(MANY)
    as_it_leaves(some[at], lambda: nats_server.kill(fault))
    async with asyncio.timeout(WITHIN_S):
        publishing = asyncio.create_task(publisher.publish(some))
        if fault == signal.SIGSTOP:
            await until(lambda: publisher.singly.retried)  # it was silent for too long, twice
            nats_server.kill(signal.SIGCONT)
        else:
            await nats_server.exited()
            await nats_server.start()
        await publishing
    assert sorted(await stored_ids(client)) == sorted(ids(some))
    assert publisher.published == MANY


async def test_all_are_stored_once_where_the_connection_is_made_anew(
    client: Connection, publisher: BatchPublisher, as_it_leaves: AsItLeaves
) -> None:
    some, anew = messages(MANY), list[asyncio.Task[None]]()
    as_it_leaves(some[MANY // 2], lambda: anew.append(asyncio.create_task(client.force_reconnect())))
    async with asyncio.timeout(WITHIN_S):
        await publisher.publish(some)
    assert sorted(await stored_ids(client)) == sorted(ids(some))
    assert (publisher.published, len(anew)) == (MANY, 1)


async def test_several_publish_at_once_each_in_its_order(client: Connection, publisher: BatchPublisher) -> None:
    parts = [messages(MANY) for _ in range(3)]
    publishers = [publisher, publisher, BatchPublisher(client)]
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*map(BatchPublisher.publish, publishers, parts))
    part_of = {each.id: at for at, part in enumerate(parts) for each in part}
    assert sorted(await stored_ids(client), key=part_of.__getitem__) == [each for part in parts for each in ids(part)]
    assert [each.singly.published for each in publishers] == [0, 0, 0]


@pytest.mark.parametrize("at", [0, MANY // 2])
async def test_who_gives_up_leaves_no_subscription_behind(
    client: Connection, publisher: BatchPublisher, as_it_leaves: AsItLeaves, at: int
) -> None:
    some, is_leaving, before = messages(MANY), asyncio.Event(), client.bulk_subscription_count
    as_it_leaves(some[at], is_leaving.set)
    async with asyncio.timeout(WITHIN_S):
        giving_up = asyncio.create_task(publisher.publish(some))
        await is_leaving.wait()
        assert client.bulk_subscription_count == before + 1
        giving_up.cancel()
        await asyncio.wait([giving_up])
        assert (giving_up.cancelled(), client.bulk_subscription_count) == (True, before)
        await publisher.publish(some)
    assert await stored_ids(client) == ids(some)
    assert (publisher.published, publisher.singly.published) == (MANY, 0)
