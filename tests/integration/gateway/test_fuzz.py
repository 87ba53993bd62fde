"""A hundred thousand frames of any kind to one gateway, which must come out of it as it went in."""

import asyncio
import logging
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from websockets.frames import Frame, Opcode

from tests.integration.gateway.fuzzed import Fuzz
from tests.integration.gateway.live_client import live
from tests.integration.gateway.many_clients import WireClient, listed_names, memory_bytes, opened, token_of
from tests.integration.gateway.running import Gateway, Market

_logger = logging.getLogger(__name__)

FRAMES = 100_000
CLIENTS = 40
BATCH = 50
SEED = 20_260_329
MIB = 1 << 20
# Each ends the connection that sends it: the frame, and the code of the close.
ENDINGS = (
    (Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True), 1007),
    (Frame(Opcode.CONT, b"of nothing").serialize(mask=True), 1002),
    (Frame(Opcode.TEXT, b"not masked").serialize(mask=False), 1002),
    (Frame(Opcode.BINARY, bytes(65_537)).serialize(mask=True), 1009),
)


class Marks:
    """Waits for the answer to a command that nothing else asks for: what was sent before it has been dealt with."""

    def __init__(self) -> None:
        self._wanted = b""
        self._seen = asyncio.Event()

    def take(self, message: bytes) -> None:
        if self._wanted and self._wanted in message:
            self._seen.set()

    async def passed(self, client: WireClient, mark: str) -> None:
        self._wanted = mark.encode()
        self._seen.clear()
        client.command("unsubscribe", symbols=[mark])
        async with asyncio.timeout(20):
            await self._seen.wait()


class Fuzzer:
    """One client after the other, each in turn sending batches until it breaks a rule that ends it."""

    def __init__(self, gateway: Gateway, number: int, symbols: list[str]) -> None:
        self.sent = 0
        self._gateway = gateway
        self._number = number
        self._packed = number % 2 == 1
        self._fuzz = Fuzz(SEED + number, symbols)
        self._user = uuid4()

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Send until it is over."""
        connections = 0
        while not is_over():
            marks = Marks()
            client = await opened(self._gateway, marks.take, packed=self._packed, bearer=token_of(self._user))
            try:
                for batch in range(10):
                    self._send_batch(client)
                    await marks.passed(client, f"MARK {self._number} {connections} {batch}")
                frame, code = ENDINGS[(self._number + connections) % len(ENDINGS)]
                client.send_frames(frame)
                self.sent += 1
                async with asyncio.timeout(20):
                    assert (await client.ended).code == code
            finally:
                client.transport.abort()
            connections += 1

    def _send_batch(self, client: WireClient) -> None:
        frames = [frame for _ in range(BATCH) for frame in self._fuzz.frames(packed=self._packed)]
        client.send_frames(*frames)
        self.sent += len(frames)


@pytest.mark.timeout(120)
async def test_a_hundred_thousand_frames_leave_a_gateway_as_it_was(market: Market) -> None:
    symbols = (await listed_names(market))[:40]
    async with market.another_gateway(commands_per_s=100_000, auth_timeout_s=20) as gateway:
        pid = gateway.pid
        fuzzers = [Fuzzer(gateway, number, symbols) for number in range(CLIENTS)]

        def sent() -> int:
            return sum(each.sent for each in fuzzers)

        async def fuzz(frames: int) -> float:
            began_s = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                for each in fuzzers:
                    tasks.create_task(each.run(lambda: sent() >= frames))
            return time.monotonic() - began_s

        await fuzz(FRAMES // 5)  # by then all that grows once, to its size, has grown
        memory_before, sent_before = memory_bytes(gateway), sent()
        took_s = await fuzz(FRAMES)
        grown = memory_bytes(gateway) - memory_before
        _logger.info("%.0f frames/s, memory grown by %d KiB", (sent() - sent_before) / took_s, grown >> 10)
        assert grown < 16 * MIB
        async with live(gateway) as client:
            names = await client.subscribe(*symbols[:5])
            before = {name: client.held[name]["l"] for name in names}
            await client.until_held(lambda held: any(held[name]["l"] != before[name] for name in names))
        assert gateway.pid == pid
        assert "Traceback" not in gateway.log.read_text()
