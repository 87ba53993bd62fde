"""Requests and answers of the bulk client: each answer to its question, and to none what comes too late."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.msg import Msg
from nats.errors import ConnectionReconnectingError, NoRespondersError

from infra.local.servers import NatsServer
from mesh.bulk_parser import Whole
from mesh.connection import Connection
from mesh.raw import Bytes

Until = Callable[..., Awaitable[None]]
Connect = Callable[..., Awaitable[Connection]]

WITHIN_S = 30.0


def answering(owner: Connection, answer: Callable[[bytes], bytes]) -> Callable[[Whole], None]:
    def respond(question: Whole) -> None:
        owner.send(question.reply, answer(question.payload))

    return respond


async def test_each_question_gets_its_own_answer(connected: Connect) -> None:
    client, owner = await connected(), await connected()
    asked: list[Whole] = []

    def note(question: Whole) -> None:
        asked.append(question)
        if len(asked) == 50:
            for each in reversed(asked):
                owner.send(each.reply, b"of " + each.payload)

    owner.subscribe_whole("question.*", note)
    await owner.flush()
    answers = await asyncio.gather(*(client.ask(f"question.{at}", b"%d" % at, WITHIN_S) for at in range(50)))
    assert answers == [b"of %d" % at for at in range(50)]


async def test_it_goes_together_with_requests_of_the_usual_kind(connected: Connect) -> None:
    client, owner = await connected(), await connected()

    async def usual(question: Msg) -> None:
        await question.respond(question.data[::-1])

    await owner.subscribe("usual", cb=usual)
    owner.subscribe_whole("ours", answering(owner, lambda payload: payload * 2))
    await owner.flush()
    assert await client.ask("usual", b"abc", WITHIN_S) == b"cba"
    assert (await client.request("ours", b"abc", WITHIN_S)).data == b"abcabc"
    assert (await client.request("ours", b"", WITHIN_S, headers={"a": "b"})).data == b""


async def test_what_nobody_answers_says_so_and_what_comes_too_late_is_passed_over(
    connected: Connect, until: Until
) -> None:
    client, owner = await connected(), await connected()
    asked: list[Whole] = []
    owner.subscribe_whole("slow", asked.append)
    owner.subscribe_whole("quick", answering(owner, lambda _: b"soon"))
    await owner.flush()
    with pytest.raises(NoRespondersError):
        await client.ask("nobody", b"", WITHIN_S)
    with pytest.raises(TimeoutError):
        await client.ask("slow", b"", 0.05)
    await until(lambda: asked)
    owner.send(asked[0].reply, b"late")
    assert await client.ask("quick", b"", WITHIN_S) == b"soon"


async def test_what_the_connection_does_not_take_is_given_up(connected: Connect) -> None:
    client = await connected()
    payload = bytes(512 << 10)
    assert not all(client.send(b"anywhere", payload) for _ in range(200))  # nothing is awaited: all of it waits here
    await client.drain_writes()
    await client.flush()
    assert client.send(b"anywhere", payload)


async def test_what_is_written_into_the_client_s_own_room_arrives_whole_though_it_waits(connected: Connect) -> None:
    client, owner = await connected(), await connected()
    size = 512 << 10  # a few of these are more than a socket takes at once

    def answer_all(question: Whole) -> None:
        for at in range(8):

            def write(room: Bytes, byte: int = at) -> int:
                room[:size] = byte
                return size

            assert owner.send_written(b"%s.%d" % (question.reply, at), size, write)

    owner.subscribe_whole("fill", answer_all)
    inbox = client.new_inbox()
    heard: list[bytes] = []
    every = asyncio.Event()

    def hear(message: Whole) -> None:
        heard.append(message.payload)
        if len(heard) == 8:
            every.set()

    client.subscribe_whole(f"{inbox}.*", hear)
    await asyncio.gather(client.flush(), owner.flush())
    await client.publish("fill", reply=inbox)
    await asyncio.wait_for(every.wait(), WITHIN_S)
    assert heard == [bytes([at]) * size for at in range(8)]


async def test_nothing_is_written_for_a_connection_that_takes_nothing_more(connected: Connect) -> None:
    client = await connected()
    assert not all(client.send_written(b"anywhere", 512 << 10, lambda _: 512 << 10) for _ in range(200))
    await client.drain_writes()
    await client.flush()
    assert client.send_written(b"anywhere", 3, lambda _: 3)


async def test_while_nats_is_away_nothing_is_asked(connected: Connect, until: Until, nats_server: NatsServer) -> None:
    client = await connected()
    client.subscribe_whole("own", answering(client, lambda _: b"still here"))
    await client.flush()
    nats_server.kill()
    await nats_server.exited()
    await until(lambda: not client.is_connected)
    with pytest.raises(ConnectionReconnectingError):
        await client.ask("own", b"", WITHIN_S)
    assert not client.send(b"own", b"")
    assert not client.send_written(b"own", 1, lambda _: 1)
    await nats_server.start()
    await until(lambda: client.is_connected)
    assert await client.ask("own", b"", WITHIN_S) == b"still here"
