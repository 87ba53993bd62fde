"""How real gateways serve: bounds on clients, the drain, and several processes on one port."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from uvicorn.config import STARTUP_FAILURE
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from gateway.serving import END_S
from gateway.serving.supervisor import PROCESS
from infra.local.ports import any_free
from tests.integration.gateway.live_client import LiveClient, live
from tests.integration.gateway.raw_client import HANDSHAKE, in_fragments, raw, raw_stream, sent
from tests.integration.gateway.running import ROOT, Gateway, Market, until

LATE_S = 2.0  # by which a bound may be missed on a busy machine
FAULTS = {
    "pings": (sent(Opcode.PING) * 1000, 1008),
    "fragments": (in_fragments(Opcode.TEXT, *[b""] * 10_000), 1008),
    "a long message": (in_fragments(Opcode.TEXT, bytes(40_000), bytes(40_000)), 1009),
    "not UTF-8": (sent(Opcode.TEXT, b"\xff"), 1007),
}


async def ops(port: int, path: str) -> httpx.Response | None:
    """Ask one process; None while it does not answer."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            return await http.get(f"http://127.0.0.1:{port}{path}")
    except httpx.TransportError:
        return None


async def clients_of(port: int) -> int:
    """Ask one process how many clients it has."""
    answer = await ops(port, "/metrics")
    assert answer is not None
    (line,) = (each for each in answer.text.splitlines() if each.startswith("tickmesh_gateway_clients "))
    return int(float(line.split()[1]))


def free_in_a_row(count: int) -> int:
    """Find a free port that as many others follow."""
    while True:
        first = any_free()
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def children(parent: int) -> dict[int, int]:
    """List the processes of a parent by their numbers."""
    found = {}
    for pid in map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()):
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        (number,) = (each for each in environment if each.startswith(b"%b=" % PROCESS.encode()))
        found[int(number.partition(b"=")[2])] = pid
    return found


def is_running(pid: int) -> bool:
    """Tell whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


@contextlib.asynccontextmanager
async def lives(gateway: Gateway, count: int) -> AsyncIterator[list[LiveClient]]:
    """Connect that many clients."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(live(gateway)) for _ in range(count)]


@pytest.mark.parametrize(("data", "code"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_client_that_floods_or_talks_nonsense_is_closed(gateway: Gateway, data: bytes, code: int) -> None:
    async with raw_stream(gateway.port, path=b"/stream") as client:
        client.send(data)
        rest = await client.rest()
    assert rest.close()[0] == code


async def test_a_handshake_that_is_never_whole_is_cut_off(market: Market) -> None:
    async with market.another_gateway(handshake_timeout_s=1) as gateway, raw(gateway.port) as client:
        began_s = time.monotonic()
        client.send(HANDSHAKE)
        await client.rest()
        assert 0.8 < time.monotonic() - began_s < 1 + LATE_S


async def test_a_drain_sends_clients_away_one_after_the_other(market: Market) -> None:
    drain_s, count, ops_port = 2.0, 50, any_free()

    async def sent_off(client: LiveClient) -> float:
        """Wait for the end of a client; return when it was."""
        closing = await client.until("closing")
        assert (closing["code"], closing["retry_after_ms"] > 0) == ("drain", True)
        assert (await client.closed())[0] == 1012
        return time.monotonic()

    async with market.another_gateway(drain_s=drain_s, ops_port=ops_port) as gateway, lives(gateway, count) as clients:
        assert await clients_of(ops_port) == count
        ready = await ops(ops_port, "/health/ready")
        assert ready is not None
        assert (ready.status_code, ready.json()["draining"]) == (200, False)
        began_s = time.monotonic()
        ends = [asyncio.create_task(sent_off(client)) for client in clients]
        gateway.kill(signal.SIGTERM)

        async def is_refused() -> bool:
            return await ops(gateway.port, "/health/live") is None

        await until(is_refused, "new connections are refused", 1)
        ready = await ops(ops_port, "/health/ready")
        assert ready is not None
        assert (ready.status_code, ready.json()["draining"]) == (503, True)
        assert await clients_of(ops_port) > 0
        ended_s = sorted([await end - began_s for end in ends])
        assert await gateway.exited() == 0
        took_s = time.monotonic() - began_s
    advice_ms = {client.of("closing")[0]["retry_after_ms"] for client in clients}
    assert len(advice_ms) > count / 2, "they would all come back at once"
    assert drain_s / 2 < ended_s[-1] - ended_s[0] < drain_s + 1
    assert took_s < drain_s + END_S


async def test_two_processes_share_a_port_and_one_that_is_killed_is_replaced(market: Market) -> None:
    ops_port, count = free_in_a_row(2), 40
    settings = {"gateway_processes": 2, "ops_port": ops_port, "drain_s": 0.5}
    async with market.another_gateway(**settings) as gateway:
        for port in (ops_port, ops_port + 1):
            await until(lambda port=port: is_ready(port), "both are ready")  # type: ignore[misc]  # bound in the loop
        async with lives(gateway, count) as clients:
            shares = [await clients_of(ops_port), await clients_of(ops_port + 1)]
            assert sum(shares) == count
            assert min(shares) > 0
            killed, other = (children(gateway.pid)[number] for number in (0, 1))
            os.kill(killed, signal.SIGKILL)
            heard = await asyncio.gather(*(still_answers(client) for client in clients))
            assert heard.count(True) == shares[1]
            await until(lambda: is_ready(ops_port), "the killed one is back")
            assert children(gateway.pid)[0] != killed
            assert children(gateway.pid)[1] == other
            assert await clients_of(ops_port + 1) == shares[1]
        async with live(gateway) as client:
            await client.answers_ping()
        began_s = time.monotonic()
        assert await gateway.stop() == 0
        assert time.monotonic() - began_s < 0.5 + END_S


async def is_ready(port: int) -> bool:
    """Tell whether a process is ready."""
    answer = await ops(port, "/health/ready")
    return answer is not None and answer.status_code == 200


async def still_answers(client: LiveClient) -> bool:
    """Tell whether the process of a client lives."""
    try:
        await client.answers_ping()
    except ConnectionClosed:
        return False
    return True


async def test_processes_do_not_outlive_their_parent(market: Market) -> None:
    ops_port = free_in_a_row(2)
    async with market.another_gateway(gateway_processes=2, ops_port=ops_port, drain_s=0.5) as gateway:
        await until(lambda: is_ready(ops_port + 1), "it is ready")
        orphans = children(gateway.pid).values()
        async with live(gateway) as client:
            gateway.kill(signal.SIGKILL)
            assert (await client.closed())[0] == 1012

            async def are_gone() -> bool:
                return not any(is_running(pid) for pid in orphans)

            await until(are_gone, "they ended by themselves", 0.5 + END_S + LATE_S)


@pytest.mark.parametrize("wrong", ["setting", "port"])
async def test_processes_that_cannot_start_end_it_all(market: Market, wrong: str) -> None:
    ops_port = free_in_a_row(2)
    environment = market.environment | {
        "TICKMESH_HTTP_PORT": str(any_free()),
        "TICKMESH_GATEWAY_PROCESSES": "2",
        "TICKMESH_OPS_PORT": "-1" if wrong == "setting" else str(ops_port),
    }
    with socket.create_server(("127.0.0.1", ops_port + 1)):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == (1 if wrong == "setting" else STARTUP_FAILURE)
    assert (b"TICKMESH_OPS_PORT" if wrong == "setting" else b"in use") in said
    assert b"Traceback" not in said
