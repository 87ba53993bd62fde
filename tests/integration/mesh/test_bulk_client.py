"""The bulk client on a real nats-server: what is published is received, once and in order."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import numpy.typing as npt
import pytest
from nats.errors import Error as NatsError

from infra.local.servers import NatsServer
from mesh.bulk_client import TooManySubscriptionsError
from mesh.connection import Connection
from mesh.frames import SubjectTable

Until = Callable[..., Awaitable[None]]
Connect = Callable[..., Awaitable[Connection]]

SUBJECTS, ROUNDS, PAYLOAD_BYTES = 20_000, 3, 138


def numbered(numbers: npt.NDArray[np.intp], rounds: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """Payloads that say which message of which subject they are."""
    payloads = np.full((len(numbers), PAYLOAD_BYTES), ord("\r"), np.uint8)
    payloads[:, :4] = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
    payloads[:, 4:8] = rounds.astype(">u4").view(np.uint8).reshape(-1, 4)
    return payloads


class Collector:
    """Counts rounds per slot; anything but the next round of a slot is an error."""

    def __init__(self, slots: int) -> None:
        self.rounds = np.zeros(slots, np.int64)
        self.received = 0
        self.errors = 0

    def __call__(self, slots: npt.NDArray[np.intp], payloads: npt.NDArray[np.uint8]) -> None:
        fields = payloads[:, :8].copy().view(">u4").reshape(-1, 2)
        self.errors += int((fields[:, 0] != slots).sum())
        self.received += len(slots)
        for slot, this in zip(slots.tolist(), fields[:, 1].tolist(), strict=True):
            self.errors += this != self.rounds[slot]
            self.rounds[slot] = this + 1


def names(count: int) -> dict[int, str]:
    """Tokens of many lengths."""
    return {number: f"XNAS.S{'X' * (number % 23)}{number}" for number in range(count)}


async def test_of_twenty_thousand_subjects_every_message_comes_once_and_in_order(
    connected: Connect, until: Until
) -> None:
    tokens = names(SUBJECTS)
    receiver, publisher = await connected(), await connected()
    collector = Collector(SUBJECTS)
    bulk = receiver.open_bulk(PAYLOAD_BYTES, collector)
    receiver.subscribe_many(bulk, {number: f"quote.{token}" for number, token in tokens.items()})
    await receiver.flush()
    assert receiver.bulk_subscription_count == SUBJECTS

    table = SubjectTable("quote")
    table.add(tokens)
    shuffled = np.random.default_rng(3)
    for this in range(ROUNDS):
        numbers = shuffled.permutation(SUBJECTS)
        assert publisher.write_frames(table.frames(numbers, numbered(numbers, np.full(SUBJECTS, this))))
        await publisher.drain_writes()
    await until(lambda: collector.received >= SUBJECTS * ROUNDS)
    await receiver.flush()
    assert (collector.received, collector.errors) == (SUBJECTS * ROUNDS, 0)
    assert (collector.rounds == ROUNDS).all()


async def test_bulk_raw_and_plain_subscriptions_share_a_connection(connected: Connect, until: Until) -> None:
    client, other = await connected(), await connected()
    bulk_seen: list[bytes] = []
    raw_seen: list[tuple[str, bytes]] = []
    plain_seen: list[bytes] = []

    async def answer(message: object) -> None:
        await message.respond(b"reply:" + message.data)  # type: ignore[attr-defined]  # nats-py's Msg

    bulk = client.open_bulk(5, lambda _, payloads: bulk_seen.extend(row.tobytes() for row in payloads))
    client.subscribe_many(bulk, {0: "bulk.a"})
    client.subscribe_raw("raw.*", lambda subject, payload: raw_seen.append((subject, payload)))
    plain = await client.subscribe("plain.>")
    await client.subscribe("ask", cb=answer)
    await client.flush()
    for at in range(50):
        text = b"MSG%02d" % at
        for subject in ("bulk.a", f"raw.{at}", f"plain.{at}"):
            await other.publish(subject, text, headers={"n": "1"} if at % 3 == 0 else None)
        assert (await other.request("ask", text)).data == b"reply:" + text
    expected = [b"MSG%02d" % at for at in range(50)]
    await until(lambda: len(bulk_seen) + len(raw_seen) + plain.pending_msgs >= 150)
    plain_seen = [(await plain.next_msg()).data for _ in range(50)]
    assert bulk_seen == plain_seen == expected
    assert raw_seen == [(f"raw.{at}", text) for at, text in enumerate(expected)]


async def test_payloads_of_any_size_come_whole_each_by_itself_beside_those_of_one_size(
    connected: Connect, until: Until
) -> None:
    client, other = await connected(), await connected()
    varied_seen: list[tuple[int, bytes]] = []
    bulk_seen: list[bytes] = []
    varied = client.open_varied(lambda slot, payload: varied_seen.append((slot, payload)))
    client.subscribe_many(varied, {7: "varied.a", 9: "varied.b"})
    bulk = client.open_bulk(73, lambda _, payloads: bulk_seen.extend(row.tobytes() for row in payloads))
    client.subscribe_many(bulk, {7: "bulk.a"})
    await client.flush()
    sizes = [73, 146, 0, 1, 73, 300_000, 74]
    expected = []
    for at, size in enumerate(sizes * 10):
        payload = b"%02d" % (at % 100) * (size // 2) + b"\n" * (size % 2)
        slot = 7 if at % 3 else 9
        await other.publish("varied.a" if at % 3 else "varied.b", payload, headers={"n": "1"} if at % 5 == 0 else None)
        await other.publish("bulk.a", b"x" * 73)
        expected.append((slot, payload))
    await until(lambda: len(varied_seen) >= len(expected) and len(bulk_seen) >= len(expected))
    assert varied_seen == expected
    assert bulk_seen == [b"x" * 73] * len(expected)
    client.unsubscribe_many(varied, [7])
    await client.flush()
    for subject in ("varied.a", "varied.b"):
        await other.publish(subject, b"last")
    await until(lambda: varied_seen[-1] == (9, b"last"))
    assert varied_seen == [*expected, (9, b"last")]
    assert client.bulk_subscription_count == 2


async def test_payloads_that_look_like_protocol_arrive_as_they_are(connected: Connect, until: Until) -> None:
    client, other = await connected(), await connected()
    texts = [b"MSG a 1000000 30\r\n", b"\r\nPING\r\nMSG a 1000000 30\r\n", b"-ERR 'Authorization Violation'\r\n"]
    payloads = [text[:30].ljust(30, b"\n") for text in texts]
    seen: list[bytes] = []
    client.subscribe_many(client.open_bulk(30, lambda _, rows: seen.extend(row.tobytes() for row in rows)), {0: "a"})
    await client.flush()
    for payload in payloads * 20:
        await other.publish("a", payload)
    await other.flush()
    await until(lambda: len(seen) >= 60)
    assert seen == payloads * 20


async def test_a_dropped_subject_is_silent_and_the_others_go_on(connected: Connect, until: Until) -> None:
    client, other = await connected(), await connected()
    seen: list[int] = []
    bulk = client.open_bulk(1, lambda slots, _: seen.extend(slots.tolist()))
    client.subscribe_many(bulk, {0: "a", 1: "b"})
    client.unsubscribe_many(bulk, [0])
    await client.flush()
    for subject in ("a", "b"):
        await other.publish(subject, b"x")
    await until(lambda: seen)
    client.subscribe_many(bulk, {2: "a"})
    await client.flush()
    await other.publish("a", b"x")
    await until(lambda: len(seen) == 2)
    assert seen == [1, 2]


async def test_a_failing_receiver_leaves_the_connection_as_it_is(
    connected: Connect, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    client, other = await connected(), await connected()
    seen: list[bytes] = []

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    client.subscribe_many(client.open_bulk(1, fail), {0: "bad"})
    client.subscribe_raw("good", lambda _, payload: seen.append(payload))
    await client.flush()
    await other.publish("bad", b"x")
    await other.publish("good", b"y")
    await until(lambda: seen)
    await client.flush()
    assert client.stats["reconnects"] == 0
    assert "a receiver failed" in caplog.text


async def test_past_the_limit_nothing_is_sent_and_the_connection_stays(connected: Connect) -> None:
    client = await connected(max_bulk_subscriptions=10)
    bulk = client.open_bulk(1, lambda *_: None)
    client.subscribe_many(bulk, {number: f"a.{number}" for number in range(10)})
    with pytest.raises(TooManySubscriptionsError, match="10 subscriptions and 5 more pass 10"):
        client.subscribe_many(bulk, {number: f"a.{number}" for number in range(10, 15)})
    await client.flush()
    assert client.is_connected
    assert client.stats["reconnects"] == 0


async def test_after_a_kill_and_a_restart_everything_is_subscribed_again(
    connected: Connect, until: Until, nats_server: NatsServer
) -> None:
    client = await connected()
    collector, raw_seen, notices = Collector(2000), list[bytes](), list[str]()
    tokens = names(2000)
    bulk = client.open_bulk(PAYLOAD_BYTES, collector)
    client.subscribe_many(bulk, {number: f"quote.{token}" for number, token in tokens.items()})
    client.unsubscribe_many(bulk, [1999])
    client.subscribe_raw("raw.*", lambda _, payload: raw_seen.append(payload))
    varied_seen: list[bytes] = []
    client.subscribe_many(client.open_varied(lambda _, payload: varied_seen.append(payload)), {0: "varied"})
    plain = await client.subscribe("plain")

    async def gone() -> None:
        notices.append("gone")

    async def back() -> None:
        notices.append("back")

    client.on_disconnect(gone)
    client.on_reconnect(back)
    await client.flush()

    nats_server.kill()
    await nats_server.exited()
    await until(lambda: notices == ["gone"])
    assert client.write_frames([b"PUB a 0\r\n\r\n"]) is False
    client.subscribe_many(bulk, {1999: f"quote.{tokens[1999]}"})  # while it is away: in force once it is back
    await nats_server.start()
    await until(lambda: notices == ["gone", "back"])

    publisher = await connected()
    table = SubjectTable("quote")
    table.add(tokens)
    numbers = np.arange(2000)
    publisher.write_frames(table.frames(numbers, numbered(numbers, np.zeros(2000, np.intp))))
    await publisher.publish("raw.1", b"x")
    await publisher.publish("varied", b"of any size")
    await publisher.publish("plain", b"y")
    await until(lambda: collector.received >= 2000 and raw_seen and varied_seen)
    assert (await plain.next_msg(timeout=10)).data == b"y"
    assert (collector.received, collector.errors, raw_seen) == (2000, 0, [b"x"])
    assert varied_seen == [b"of any size"]


async def test_a_connection_that_breaks_while_its_return_is_announced_is_made_anew(
    connected: Connect, until: Until
) -> None:
    client, other = await connected(), await connected()
    seen: list[bytes] = []
    client.subscribe_raw("a", lambda _, payload: seen.append(payload))
    tries: list[int] = []

    async def fail_once() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            raise NatsError

    client.on_reconnect(fail_once)
    await client.force_reconnect()
    await until(lambda: len(tries) == 2 and client.is_connected)
    await client.flush()
    for at in range(100):
        await other.publish("a", b"%d" % at)
    await until(lambda: len(seen) >= 100)
    assert seen == [b"%d" % at for at in range(100)]


async def test_it_waits_for_a_server_that_is_not_there_yet(
    connected: Connect, nats_server: NatsServer, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    await nats_server.stop()
    waiting = asyncio.ensure_future(connected())
    await until(lambda: "NATS: " in caplog.text)
    await nats_server.start()
    client = await asyncio.wait_for(waiting, 20)
    assert client.is_connected


async def test_attempts_to_reconnect_that_get_no_further_than_the_connection_are_closed(until: Until) -> None:
    open_now: set[asyncio.StreamWriter] = set()
    held: list[asyncio.StreamWriter] = []
    accepted = 0

    async def greet_the_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        open_now.add(writer)
        if accepted == 1:
            writer.write(b'INFO {"max_payload": 1048576}\r\n')
            await reader.readuntil(b"PING\r\n")
            writer.write(b"PONG\r\n")
        else:
            await reader.read()
        open_now.discard(writer)
        writer.close()

    async def failed(_: Exception) -> None:
        held.append(vars(client._transport)["_io_writer"])  # so that its end is not the garbage collector's doing

    client = Connection(max_bulk_subscriptions=1)
    async with await asyncio.start_server(greet_the_first, "127.0.0.1", 0) as server:
        await client.connect(
            f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            connect_timeout=0.1,  # type: ignore[arg-type]  # a fraction of a second is meant
            reconnect_time_wait=0,
            max_reconnect_attempts=-1,
            error_cb=failed,
        )
        await until(lambda: accepted >= 6)
        await until(lambda: len(open_now) <= 1)
        await client.close()
        await until(lambda: not open_now)


async def test_a_connection_that_is_lost_while_it_is_closed_is_closed_whole(connected: Connect) -> None:
    client = await connected()
    subscription = await client.subscribe("never")
    vars(client._transport)["_io_writer"].transport.abort()
    await client.publish("anything")
    await asyncio.sleep(0)  # the loss is known to the transport, and not yet to the client
    await client.close()
    assert client.is_closed
    with pytest.raises(NatsError):
        await subscription.next_msg(timeout=1)


async def test_what_is_published_after_a_flush_reaches_a_subscription_made_before_it(
    connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connected()
    written: list[bytes] = []
    transport = client._transport
    assert transport is not None
    one, many = transport.write, transport.writelines
    monkeypatch.setattr(transport, "write", lambda data: (written.append(bytes(data)), one(data)))
    monkeypatch.setattr(transport, "writelines", lambda lines: (written.append(b"".join(lines)), many(lines)))
    await client.subscribe("flushed")
    await client.flush()
    said = b"".join(written)
    assert 0 <= said.index(b"SUB flushed") < said.index(b"PING")


async def test_whoever_is_cancelled_while_it_waits_for_a_flush_ends(connected: Connect) -> None:
    client = await connected()
    subscription = await client.subscribe("flushed")
    task = asyncio.create_task(client.flush())
    await asyncio.sleep(0)  # now it waits
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await subscription.unsubscribe()
