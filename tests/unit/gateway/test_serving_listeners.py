"""The sockets a gateway listens on: their port, alone or shared, and what their connections inherit."""

import contextlib
import socket
import sys
from collections.abc import Iterator

import pytest

from gateway.serving.listeners import bound_sockets
from infra.local.ports import any_free


@contextlib.contextmanager
def bound(host: str, port: int, *, is_shared: bool = False) -> Iterator[list[socket.socket]]:
    made = bound_sockets(host, port, is_shared=is_shared)
    try:
        yield made
    finally:
        for each in made:
            each.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_the_port_is_taken_on_every_address_of_the_host(host: str) -> None:
    port = any_free()
    with bound(host, port) as made:
        assert {each.getsockname()[1] for each in made} == {port}
        for each in made:
            each.listen()
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_until_it_listens_nobody_connects() -> None:
    port = any_free()
    with bound("127.0.0.1", port), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_port_that_is_taken_is_refused() -> None:
    port = any_free()
    with bound("127.0.0.1", port) as (listener,):
        listener.listen()
        with pytest.raises(OSError, match="in use"):
            bound_sockets("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(OSError, match="assign"):
        bound_sockets("192.0.2.1", any_free())


def test_several_share_a_port_only_where_all_say_so() -> None:
    port = any_free()
    with bound("127.0.0.1", port, is_shared=True) as (one,), bound("127.0.0.1", port, is_shared=True) as (other,):
        one.listen()
        other.listen()
        with pytest.raises(OSError, match="in use"):
            bound_sockets("127.0.0.1", port)


@pytest.mark.skipif(sys.platform != "linux", reason="what a connection inherits is the kernel's choice")
def test_a_connection_inherits_what_bounds_it() -> None:
    with bound("127.0.0.1", any_free()) as (listener,):
        listener.listen()
        with socket.create_connection(listener.getsockname(), timeout=5):
            connection, _ = listener.accept()
            with connection:
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16 << 10
                # The kernel counts its own overhead in, and says twice what was asked for.
                assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * (128 << 10)
