"""What the bulk client promises without a server, and the private parts of nats-py that it stands on."""

import asyncio
import inspect
from urllib.parse import urlparse

import pytest
from nats.aio.client import Client
from nats.aio.transport import TcpTransport
from nats.protocol.parser import Parser

import mesh.bulk_client
from mesh.bulk_client import BulkClient, TooManySubscriptionsError
from mesh.bulk_parser import FIRST_RAW_SID, LAST_BULK_SID
from mesh.bulk_run import FIRST_BULK_SID
from mesh.bulk_transport import BulkTransport


def ignore(*_: object) -> None:
    return


def test_nats_py_still_has_the_private_parts_that_the_bulk_client_stands_on() -> None:
    client = Client()
    assert type(client._ps) is Parser, "nats-py's client keeps its parser elsewhere"
    assert client._transport is None, "nats-py's client keeps its transport elsewhere"
    assert inspect.iscoroutinefunction(Client._process_connect_init), "nats-py connects by another method"
    assert list(inspect.signature(Client._process_connect_init).parameters) == ["self"]
    assert list(inspect.signature(Client._connect_to_server).parameters) == ["self", "s"]
    assert "if not self._transport:" in inspect.getsource(Client._connect_to_server), "nats-py replaces transports"
    assert (Client()._pending, Client()._pending_data_size) == ([], 0), "nats-py keeps what it has to send elsewhere"
    assert inspect.iscoroutinefunction(Parser.parse), "nats-py's parser is called otherwise"
    assert list(inspect.signature(Parser.parse).parameters) == ["self", "data"]
    assert hasattr(TcpTransport(), "_io_writer"), "nats-py's transport hides its stream writer elsewhere"
    source = inspect.getsource(Client)
    assert "self._ps.parse(" in source, "nats-py's read loop no longer calls its parser"
    assert "await self._process_connect_init()" in source, "nats-py no longer connects anew by the same method"


def test_nats_pys_own_ids_stay_below_ours() -> None:
    assert Client()._sid == 0
    assert FIRST_BULK_SID == 1_000_000
    assert len(str(FIRST_BULK_SID)) == len(str(LAST_BULK_SID)) < len(str(FIRST_RAW_SID))


def test_too_many_subjects_are_refused_before_any_is_taken() -> None:
    client = BulkClient(max_bulk_subscriptions=3)
    bulk = client.open_bulk(8, ignore)
    client.subscribe_many(bulk, {0: "a", 1: "b"})
    with pytest.raises(TooManySubscriptionsError, match="2 subscriptions and 2 more pass 3"):
        client.subscribe_many(bulk, {1: "b", 2: "c", 3: "d"})
    assert client.bulk_subscription_count == 2
    assert sorted(bulk.sids) == [0, 1]
    client.subscribe_many(bulk, {2: "c"})
    assert client.bulk_subscription_count == 3


def test_a_subject_dropped_makes_room_and_dropping_it_again_is_nothing() -> None:
    client = BulkClient(max_bulk_subscriptions=1)
    bulk = client.open_bulk(8, ignore)
    client.subscribe_many(bulk, {0: "a"})
    client.unsubscribe_many(bulk, [0, 0, 7])
    assert client.bulk_subscription_count == 0
    client.subscribe_many(bulk, {1: "b"})


def test_ids_come_round_again_past_those_in_use() -> None:
    client = BulkClient()
    bulk = client.open_bulk(8, ignore)
    client.subscribe_many(bulk, {0: "first", 1: "second"})
    client._last_sid = LAST_BULK_SID - 1
    client.unsubscribe_many(bulk, [1])
    client.subscribe_many(bulk, {2: "last", 3: "round", 4: "again"})
    assert bulk.sids == {0: FIRST_BULK_SID, 2: LAST_BULK_SID, 3: FIRST_BULK_SID + 1, 4: FIRST_BULK_SID + 2}


def test_raw_ids_are_apart_from_bulk_ids() -> None:
    client = BulkClient()
    for subject in ("a.*", "b"):
        client.subscribe_raw(subject, ignore)
    client.subscribe_many(client.open_bulk(8, ignore), {0: "c"})
    assert sorted(client._subjects) == [FIRST_BULK_SID, FIRST_RAW_SID, FIRST_RAW_SID + 1]


async def test_nothing_is_written_and_nobody_waits_while_there_is_no_connection() -> None:
    client = BulkClient()
    assert client.write_frames([b"PUB a 0\r\n\r\n"]) is False
    await asyncio.wait_for(client.drain_writes(), 1)


def test_the_module_names_every_private_part_that_it_uses() -> None:
    named = mesh.bulk_client.__doc__ or ""
    for part in (
        "_close",
        "_connect_to_server",
        "_pending",
        "_pending_data_size",
        "_process_connect_init",
        "_ps",
        "_transport",
        "parse",
    ):
        assert f"`{part}`" in named


async def test_who_is_cancelled_as_a_transport_closes_ends_nobody_else_s_wait() -> None:
    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(held, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        transport = BulkTransport(lambda data: data)
        await transport.connect(urlparse(f"nats://127.0.0.1:{port}"), 1024, 10)
        first, second = (asyncio.create_task(transport.wait_closed()) for _ in range(2))
        for _ in range(3):
            await asyncio.sleep(0)  # both wait
        first.cancel()
        await asyncio.wait({first})
        transport.close()
        async with asyncio.timeout(30):
            await second
