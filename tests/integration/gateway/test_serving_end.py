"""The end of a process: what its clients see, and that it comes in time, whatever hangs; with a small application."""

import asyncio
import contextlib
import itertools
import signal
import time
from pathlib import Path

import httpx
import pytest
from uvicorn.config import STARTUP_FAILURE
from websockets.asyncio.client import ClientConnection, connect

from gateway.serving import END_S
from infra.local.ports import any_free
from tests.integration.gateway.echo_server import EchoServer, running_echo
from tests.integration.gateway.running import until

CLIENTS = 50
LATE_S = 1.0  # by which a bound may be missed on a busy machine


def asked(port: int, *, keeps: bool = True) -> httpx.AsyncClient:
    """Make a client that keeps its connection, or opens one for each question."""
    headers = {} if keeps else {"Connection": "close"}
    return httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=5)


async def closed(client: ClientConnection) -> float:
    """Wait for the close; return when it came."""
    async with asyncio.timeout(20):
        await client.wait_closed()
    assert (client.close_code, client.close_reason) == (1012, "drain")
    return time.monotonic()


async def test_a_drain_spreads_closes_and_ends_in_time(tmp_path: Path) -> None:
    drain_s, ops_port = 2.0, any_free()
    async with (
        running_echo(tmp_path, drain_s=drain_s, ops_port=ops_port) as server,
        asked(server.port) as kept,
        asked(ops_port, keeps=False) as ops,
        contextlib.AsyncExitStack() as stack,
    ):
        clients = [await stack.enter_async_context(connect(server.url, proxy=None)) for _ in range(CLIENTS)]
        assert (await kept.get("/")).json()["clients"] == CLIENTS
        assert (await ops.get("/")).status_code == 200
        began_s = time.monotonic()
        closes = [asyncio.create_task(closed(client)) for client in clients]
        server.kill(signal.SIGTERM)

        async def is_refused() -> bool:
            try:
                async with connect(server.url, proxy=None):
                    return False
            except OSError:
                return True

        await until(is_refused, "new connections are refused", 1)
        assert (await ops.get("/")).status_code == 503
        assert (await kept.get("/")).json()["is_draining"]  # over a connection that was open before
        assert (await ops.get("/")).json()["clients"] > CLIENTS / 2, "too early for so many to be closed"
        closed_s = sorted([await close - began_s for close in closes])
        assert await server.exited() == 0
        took_s = time.monotonic() - began_s
    gaps_s = [after - before for before, after in itertools.pairwise(closed_s)]
    assert drain_s * 0.8 < closed_s[-1] - closed_s[0] < drain_s + LATE_S
    assert max(gaps_s) < drain_s / 4, "they came in lumps"
    assert took_s < drain_s + END_S


@pytest.mark.parametrize(
    ("hangs", "code", "said"), [("drain", 0, "the drain failed"), ("shutdown", 1, "Timeout"), ("loop", 1, "Timeout")]
)
async def test_whatever_hangs_the_end_comes_in_time(tmp_path: Path, hangs: str, code: int, said: str) -> None:
    server = EchoServer(tmp_path, drain_s=0.1, hangs=hangs)
    await server.start()
    try:
        async with connect(server.url, proxy=None):
            began_s = time.monotonic()
            server.kill(signal.SIGTERM)
            async with asyncio.timeout(20):
                assert await server.exited() == code
            assert time.monotonic() - began_s < 0.1 + END_S + LATE_S
    finally:
        await server.stop()
    assert said in server.log.read_text()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_at_once(tmp_path: Path, second: signal.Signals) -> None:
    ops_port = any_free()
    async with (
        running_echo(tmp_path, drain_s=30, ops_port=ops_port) as server,
        asked(ops_port, keeps=False) as ops,
        connect(server.url, proxy=None),
        connect(server.url, proxy=None),
    ):
        server.kill(signal.SIGINT)

        async def is_draining() -> bool:
            return (await ops.get("/")).status_code == 503

        await until(is_draining, "it drains")
        began_s = time.monotonic()
        server.kill(second)
        assert await server.exited() == -second
        assert time.monotonic() - began_s < LATE_S


async def test_who_does_not_serve_yet_ends_at_once(tmp_path: Path) -> None:
    server = EchoServer(tmp_path, drain_s=30, hangs="startup")
    await server.start()
    try:

        async def is_starting() -> bool:
            return "starting" in server.log.read_text()

        await until(is_starting, "it starts")
        server.kill(signal.SIGTERM)
        async with asyncio.timeout(LATE_S):
            assert await server.exited() == -signal.SIGTERM
    finally:
        await server.stop()


async def test_a_port_that_another_takes_meanwhile_ends_the_start(tmp_path: Path) -> None:
    """Two that start at the same moment may both bind; only one can listen."""
    server = EchoServer(tmp_path, hangs="port")
    await server.start()
    async with asyncio.timeout(20):
        assert await server.exited() == STARTUP_FAILURE
    said = server.log.read_text()
    assert "cannot listen" in said
    assert "Traceback" not in said
