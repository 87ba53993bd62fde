"""A backlog of notifications that no message was published for: it goes without pauses, as far as there is room."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from nats.js.errors import APIError

from mesh.notify.kinds import Kind
from mesh.notify.store import NotificationStore
from mesh.streams import NOTIFY
from tests.integration.notify.conftest import Alone, Until
from workers.notify.forgotten import AT_ONCE, Forgotten

pytestmark = pytest.mark.timeout(180)  # a message after the other, and the machine may be busy

OLD_S = 600.0  # so that there is a pause of five minutes between two looks
BACKLOG = 2 * AT_ONCE + 100


@pytest_asyncio.fixture
async def forgotten(alone: Alone) -> AsyncIterator[Forgotten]:
    store = NotificationStore(alone.stack.dsn, 1, "forgotten")
    yield Forgotten(store, alone.desk.js, OLD_S)
    await store.close()


async def write(alone: Alone, count: int) -> None:
    channel = await alone.desk.channel(Kind.WEBHOOK, "http://127.0.0.1:1/")
    await alone.desk.connection.execute(
        """INSERT INTO notifications (id, user_id, channel_id, kind, body, state, created_at)
            SELECT gen_random_uuid(), $1, $2, 'webhook', '{"type": "test"}', 'queued', now() - interval '1 h'
            FROM generate_series(1, $3)""",
        *(alone.desk.user, channel, count),
    )


async def unpublished(alone: Alone) -> int:
    return int(await alone.desk.connection.fetchval("SELECT count(*) FROM notifications WHERE NOT published"))


async def queued(alone: Alone) -> int:
    return (await alone.desk.js.stream_info(NOTIFY)).state.messages


async def test_a_backlog_is_published_without_pauses(alone: Alone, forgotten: Forgotten, until: Until) -> None:
    await write(alone, BACKLOG)
    looking = asyncio.create_task(forgotten.run())
    try:

        async def is_published() -> bool:
            return forgotten.published == BACKLOG and await unpublished(alone) == 0

        await until(is_published)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    assert await queued(alone) == BACKLOG


async def test_what_the_queue_knows_already_is_looked_at_again_later(alone: Alone, forgotten: Forgotten) -> None:
    await write(alone, AT_ONCE)
    assert await forgotten.look()
    await alone.desk.connection.execute("UPDATE notifications SET published = false")
    assert not await forgotten.look()
    assert await unpublished(alone) == await queued(alone) == AT_ONCE


async def test_a_queue_that_is_full_takes_what_it_can_and_the_rest_later(alone: Alone, forgotten: Forgotten) -> None:
    js, taken = alone.desk.js, AT_ONCE + 50
    config = (await js.stream_info(NOTIFY)).config
    await js.update_stream(replace(config, max_msgs=taken))
    await write(alone, BACKLOG)
    assert await forgotten.look()
    with pytest.raises(APIError):
        await forgotten.look()
    assert (await unpublished(alone), await queued(alone)) == (BACKLOG - taken, taken)
    await js.update_stream(config)
    assert await forgotten.look()
    assert not await forgotten.look()
    assert (await unpublished(alone), await queued(alone)) == (0, BACKLOG)
