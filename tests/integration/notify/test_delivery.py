"""That every notification arrives, how often, and what becomes of one that cannot."""

import asyncio
import contextlib
import math
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import asyncpg
import pytest

from infra import cli
from mesh.notify.dead import letters
from mesh.notify.kinds import Kind
from mesh.notify.outgoing import publish
from mesh.streams import NOTIFY
from tests.integration.notify.conftest import Alone, Stack, Until, at_work
from tests.notify_receivers import Call, Reply, accept, every_third_fails, receiving
from tests.notify_worker import FAST, Desk, fired

pytestmark = pytest.mark.timeout(180)  # some of it are pauses, and the machine may be busy

MANY = 60


async def test_all_arrive_where_every_third_call_fails(desk: Desk, until: Until, report: Callable[[str], None]) -> None:
    async with receiving(every_third_fails()) as server:
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        sent = [await desk.send(Kind.WEBHOOK, channel) for _ in range(MANY)]
        await until(lambda: desk.are(sent, "sent"))
        missing = {str(each) for each in sent} - server.accepted.keys()
        twice = sum(count - 1 for count in server.accepted.values())
        report(f"webhooks, every third call fails: {MANY} sent, {len(missing)} missing, {twice} twice")
        assert (missing, twice) == (set(), 0)
        failed = sum(row["attempts"] - 1 for row in await desk.rows(sent))
        assert failed == len(server.calls) - MANY >= MANY // 2 - 1


async def test_one_that_hangs_holds_up_nobody_else(desk: Desk, until: Until) -> None:
    async def never(call: Call) -> Reply:
        del call
        await asyncio.Event().wait()
        raise AssertionError

    async with receiving(never) as hanging, receiving() as well:
        stuck = await desk.channel(Kind.WEBHOOK, hanging.url)
        held = [await desk.send(Kind.WEBHOOK, stuck) for _ in range(40)]  # more than are called at a time
        await until(lambda: asyncio.sleep(0, hanging.calls))
        sent = await desk.send(Kind.WEBHOOK, await desk.channel(Kind.WEBHOOK, well.url))
        await until(lambda: desk.are([sent], "sent"))
        assert not {row["state"] for row in await desk.rows(held)} & {"sent", "dead"}
        await until(lambda: _says(desk, held, "no answer within 5 s"))
        hanging.answer = well.answer
        await until(lambda: desk.are(held, "sent"))
        assert max(row["attempts"] for row in await desk.rows(held)) < 8


async def test_a_provider_that_is_down_is_left_alone_and_waiting_is_no_attempt(desk: Desk, until: Until) -> None:
    called_s: list[float] = []

    async def down(call: Call) -> Reply:
        del call
        called_s.append(time.monotonic())
        return Reply(503)

    async with receiving(down) as server:
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        sent = [await desk.send(Kind.WEBHOOK, channel) for _ in range(MANY)]
        await until(lambda: asyncio.sleep(0, len(called_s) >= 18))
        # Two workers: 5 failures each and up to 3 more calls that were on their way, then probes, each after twice the
        # pause of the one before.
        for number, at_s in enumerate(called_s, 1):
            probes = math.log2(1 + (at_s - called_s[0]) / FAST["notify_pause_s"])
            assert number <= 2 * (5 + 3 + probes)
        server.answer = accept
        await until(lambda: desk.are(sent, "sent"))
        assert server.accepted == Counter({str(each): 1 for each in sent})
        assert sum(row["attempts"] for row in await desk.rows(sent)) == len(server.calls)


async def test_killed_between_sending_and_writing_it_down_sends_once_more_with_the_same_id(
    alone: Alone, until: Until, report: Callable[[str], None]
) -> None:
    desk, worker = alone.desk, alone.stack.worker("killed")
    async with receiving() as server, at_work(worker):
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        first = await desk.send(Kind.WEBHOOK, channel)
        await until(lambda: desk.are([first], "sent"))
        orders = [(await desk.write(Kind.WEBHOOK, channel, fired())).order for _ in range(4)]
        sent = [order.id for order in orders]
        async with _nothing_is_written(alone.stack.dsn):
            for order in orders:
                await publish(desk.js, order)
            await until(lambda: asyncio.sleep(0, sum(server.accepted.values()) == 5))
            worker.kill(signal.SIGKILL)
            await worker.exited()
            # What waits for the lock would be written although nobody is there any more to have sent it.
            await desk.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tickmesh-notify'"
                " AND datname = current_database()"
            )
        await worker.start()
        await until(lambda: desk.are(sent, "sent"))
        await until(lambda: _is_empty(desk))
        report(f"notify worker killed between send and mark: {len(sent)} sent, 0 missing, {len(sent)} twice")
        assert server.accepted == Counter({str(first): 1} | {str(each): 2 for each in sent})


async def test_what_was_given_up_is_listed_and_sent_again(
    stack: Stack, desk: Desk, until: Until, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TICKMESH_NATS_URL", stack.nats.url)
    monkeypatch.setenv("TICKMESH_POSTGRES_DSN", stack.dsn)

    async def dlq(*arguments: str) -> tuple[int, str]:
        status = await asyncio.to_thread(cli.main, ["dlq", *arguments])
        return status, capsys.readouterr().out

    async def not_there(call: Call) -> Reply:
        del call
        return Reply(404)

    async with receiving(not_there) as server:
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        dead = [await desk.send(Kind.WEBHOOK, channel) for _ in range(3)]
        await until(lambda: desk.are(dead, "dead"))
        await until(lambda: _buried(desk, dead, 3))
        status, said = await dlq("list", "--kind", "webhook")
        assert status == 0
        assert [f"{each}  webhook" in said for each in dead] == [True] * 3
        assert "1 attempts  the answer was 404" in said
        assert str(dead[0]) not in (await dlq("list", "--kind", "email"))[1]
        assert await dlq("retry", str(channel)) == (1, f"0 are sent again\n{channel} was not given up\n")

        # Given up once more within the time for which NATS knows the message before: it must have a new letter.
        assert await dlq("retry", str(dead[0])) == (0, "1 are sent again\n")
        await until(lambda: asyncio.sleep(0, len(server.calls) == 4))
        await until(lambda: _buried(desk, dead, 3))

        server.answer = every_third_fails()
        assert await dlq("retry", *map(str, dead)) == (0, "3 are sent again\n")
        await until(lambda: desk.are(dead, "sent"))
        assert await _buried(desk, dead, 0)
        assert await desk.channel_state(channel) == "verified"


async def test_eight_attempts_and_no_more(alone: Alone, until: Until) -> None:
    calls: Counter[str] = Counter()

    async def busy(call: Call) -> Reply:
        calls[call.id] += 1
        return Reply(500)

    desk = alone.desk
    async with receiving(busy) as server, at_work(alone.stack.worker("alone", notify_retry_s=0.01, notify_pause_s=0.1)):
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        sent = await desk.send(Kind.WEBHOOK, channel)
        await until(lambda: desk.are([sent], "dead"))
        await until(lambda: _buried(desk, [sent], 1))
        assert calls[str(sent)] == 8
        (buried,) = [each async for each in letters(desk.js)]
        assert (buried.letter.attempts, buried.letter.reason) == (8, "the answer was 500")
        assert await desk.channel_state(channel) == "verified"


async def test_what_nobody_spoke_of_is_sent_and_what_is_gone_is_dropped(alone: Alone, until: Until) -> None:
    desk = alone.desk
    async with receiving() as server:
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        forgotten = (await desk.write(Kind.WEBHOOK, channel, fired())).id
        await desk.connection.execute("UPDATE notifications SET created_at = created_at - interval '31 s'")
        recent = (await desk.write(Kind.WEBHOOK, channel, fired())).id
        gone = await desk.send(Kind.WEBHOOK, channel)
        await desk.connection.execute("DELETE FROM notifications WHERE id = $1", gone)
        homeless = await desk.send(Kind.WEBHOOK, await desk.channel(Kind.WEBHOOK, server.url))
        await desk.connection.execute("DELETE FROM alert_channels WHERE id <> $1", channel)
        async with at_work(alone.stack.worker("alone")):
            await until(lambda: desk.are([forgotten], "sent"))
            await until(lambda: desk.are([homeless], "dead"))
            await until(lambda: _is_empty(desk))
        assert [call.id for call in server.calls] == [str(forgotten)]
        assert await desk.are([recent], "queued")


async def test_a_row_that_cannot_be_read_is_put_off_and_said(alone: Alone, until: Until) -> None:
    desk, worker = alone.desk, alone.stack.worker("alone")
    async with receiving() as server:
        strange, channel = [await desk.channel(Kind.WEBHOOK, server.url) for _ in range(2)]
        await desk.connection.execute("UPDATE alert_channels SET settings = '[]' WHERE id = $1", strange)
        put_off, sent = [await desk.send(Kind.WEBHOOK, each) for each in (strange, channel)]
        await worker.start()
        try:
            await until(lambda: desk.are([sent], "sent"))
            await until(lambda: asyncio.sleep(0, "webhook: message 1 is put off" in worker.said))
        finally:
            await worker.stop()
        assert await desk.are([put_off], "queued")
        assert worker.said.count("is put off") == 1


async def test_one_that_is_told_to_stop_finishes_what_it_sends_and_gives_back_the_rest(
    alone: Alone, until: Until
) -> None:
    at_the_server, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(call: Call) -> Reply:
        del call
        at_the_server.set()
        await go_on.wait()
        return Reply()

    desk, worker = alone.desk, alone.stack.worker("alone", notify_at_once=4, notify_redeliver_s=600)
    async with receiving(slowly) as server, at_work(worker):
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        sent = [await desk.send(Kind.WEBHOOK, channel) for _ in range(6)]
        await at_the_server.wait()
        worker.kill(signal.SIGTERM)
        go_on.set()
        await worker.exited()
        await worker.start()
        await until(lambda: desk.are(sent, "sent"))
        assert server.accepted == Counter({str(each): 1 for each in sent})


async def test_nats_that_goes_and_comes_back_costs_nothing(alone: Alone, until: Until) -> None:
    desk, nats = alone.desk, alone.stack.nats
    gone = asyncio.Event()

    async def as_nats_goes(call: Call) -> Reply:
        if call.number == 5:
            nats.kill()
            gone.set()
        return Reply(503 if call.number % 3 == 0 else 200)

    async with receiving(as_nats_goes) as server, at_work(alone.stack.worker("alone")):
        channel = await desk.channel(Kind.WEBHOOK, server.url)
        orders = [(await desk.write(Kind.WEBHOOK, channel, fired())).order for _ in range(20)]
        for order in orders:
            await publish(desk.js, order)
        await gone.wait()
        await nats.restart()
        sent = [order.id for order in orders]
        await until(lambda: desk.are(sent, "sent"))
        assert server.accepted == Counter({str(each): 1 for each in sent})


@contextlib.asynccontextmanager
async def _nothing_is_written(dsn: str) -> AsyncIterator[None]:
    """Hold notifications as they are: they can be read, and whoever wants to change one waits."""
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE notifications IN SHARE ROW EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def _says(desk: Desk, ids: list[UUID], reason: str) -> bool:
    return any(row["last_error"] == reason for row in await desk.rows(ids))


async def _buried(desk: Desk, ids: list[UUID], count: int) -> bool:
    return len([each async for each in letters(desk.js) if each.letter.id in ids]) == count


async def _is_empty(desk: Desk) -> bool:
    return (await desk.js.stream_info(NOTIFY)).state.messages == 0
