"""Connections are accepted several at a time, each exactly once, and none after the end."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.serving.acceptor import Acceptor
from tests.integration.gateway.running import until

CONNECTIONS = 50


class Greeter(asyncio.Protocol):
    """Sends a byte to whoever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"!")
        transport.close()


@contextlib.asynccontextmanager
async def accepting() -> AsyncIterator[tuple[Acceptor, socket.socket]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        acceptor = Acceptor(listener, Greeter)
        acceptor.start(backlog=100)
        try:
            yield acceptor, listener
        finally:
            acceptor.close()
            await acceptor.wait_closed()


def connected(listener: socket.socket) -> socket.socket:
    """Connect; the kernel answers, so nobody has to be there yet."""
    client = socket.create_connection(listener.getsockname())
    client.setblocking(False)
    return client


async def greeted(client: socket.socket) -> bool:
    with client:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 2), 10) == b"!"


async def test_all_who_come_at_once_are_accepted_in_a_few_turns() -> None:
    async with accepting() as (_, listener):
        clients = [connected(listener) for _ in range(CONNECTIONS)]
        for _ in range(10):
            await asyncio.sleep(0)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()  # nobody is left
        assert await asyncio.gather(*map(greeted, clients)) == [True] * CONNECTIONS


async def test_nobody_is_accepted_once_it_is_closed() -> None:
    async with accepting() as (acceptor, listener):
        assert await greeted(connected(listener))
        acceptor.close()
        acceptor.close()
        late = connected(listener)
        for _ in range(10):
            await asyncio.sleep(0)
        accepted, _ = listener.accept()
        accepted.close()
        late.close()


async def test_a_port_that_another_began_to_listen_on_is_an_error() -> None:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first.bind(("127.0.0.1", 0))
        second.bind(first.getsockname())
        first.listen()
        late = Acceptor(second, Greeter)
        with pytest.raises(OSError, match="in use"):
            late.start(backlog=1)
        late.close()


@contextlib.contextmanager
def no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_descriptors_it_tries_again_later(caplog: pytest.LogCaptureFixture) -> None:
    async def has_failed() -> bool:
        return "cannot accept" in caplog.text

    async with accepting() as (_, listener):
        client = connected(listener)
        with no_more_descriptors():
            await until(has_failed, "there is no descriptor for the connection")
        assert await greeted(client)
