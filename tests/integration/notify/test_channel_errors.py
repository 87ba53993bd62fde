"""That a channel says why nothing arrives there, and stops saying so once something does."""

import pytest

from mesh.notify.bodies import Challenge, Probe
from mesh.notify.kinds import Kind
from tests.integration.notify.conftest import Alone, Stack, Until, at_work
from tests.notify_receivers import Call, Reply, accept, receiving, receiving_mail
from tests.notify_worker import Desk
from workers.notify.delivery import LEFT_ALONE

pytestmark = pytest.mark.timeout(180)  # some of it are pauses, and the machine may be busy


async def down(call: Call) -> Reply:
    del call
    return Reply(500)


async def test_a_challenge_that_fails_says_why_until_it_is_answered(desk: Desk, until: Until) -> None:
    async def challenged(call: Call) -> Reply:
        return Reply(200, call.body)

    async with receiving(down) as server:
        channel = await desk.channel(Kind.WEBHOOK, server.url, "unverified")
        sent = await desk.send(Kind.WEBHOOK, channel, Challenge("a riddle"))
        await until(lambda: desk.has_error(channel, "the answer was 500"))
        server.answer = challenged
        await until(lambda: desk.are([sent], "sent"))
        assert await desk.has_error(channel, "")
        assert await desk.channel_state(channel) == "verified"


async def test_a_channel_that_breaks_says_why_until_a_test_arrives(stack: Stack, desk: Desk, until: Until) -> None:
    async with receiving_mail(stack.mail_port) as mail:
        mail.refusals.append("550 <gone@example.com>: no such user")
        channel = await desk.channel(Kind.EMAIL, "gone@example.com")
        dead = await desk.send(Kind.EMAIL, channel)
        await until(lambda: desk.are([dead], "dead"))
        assert await desk.has_error(channel, "the mail server: 550 <…>: no such user")
        assert await desk.channel_state(channel) == "broken"
        test = await desk.send(Kind.EMAIL, channel, Probe())
        await until(lambda: desk.are([test], "sent"))
        assert await desk.has_error(channel, "")


async def test_what_is_not_tried_is_nothing_against_a_channel(stack: Stack, desk: Desk, until: Until) -> None:
    channel = await desk.channel(Kind.EMAIL, "unknown@example.com", "unverified")
    dead = await desk.send(Kind.EMAIL, channel)
    await until(lambda: desk.are([dead], "dead"))
    assert await desk.has_error(channel, "")


async def test_a_mail_server_that_is_away_is_said_without_where_it_stands(alone: Alone, until: Until) -> None:
    desk = alone.desk
    channel = await desk.channel(Kind.EMAIL, "ada@example.com")
    async with at_work(alone.stack.worker("alone")):
        sent = await desk.send(Kind.EMAIL, channel)
        await until(lambda: desk.has_error(channel, "the mail server cannot be reached"))
        async with receiving_mail(alone.stack.mail_port):
            await until(lambda: desk.are([sent], "sent"))
        assert await desk.has_error(channel, "")


async def test_a_test_that_waits_for_a_provider_says_so(desk: Desk, until: Until) -> None:
    async with receiving(down) as server:
        channel, waiting = [await desk.channel(Kind.WEBHOOK, f"{server.url}/{each}") for each in range(2)]
        failing = [await desk.send(Kind.WEBHOOK, channel) for _ in range(20)]
        await until(lambda: desk.has_error(channel, "the answer was 500"))
        test = await desk.send(Kind.WEBHOOK, waiting, Probe())
        await until(lambda: desk.has_error(waiting, LEFT_ALONE))
        server.answer = accept
        await until(lambda: desk.are([*failing, test], "sent"))
        assert await desk.has_error(waiting, "")
