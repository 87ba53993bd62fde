"""What users read of a mail server that is out of order: nothing of where it stands, or of what it says to us."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

import pytest

from mesh.notify.bodies import Probe
from mesh.notify.store import Channel
from workers.notify.adapters.mail import Mail
from workers.notify.adapters.protocol import Parcel
from workers.notify.outcome import Unavailable
from workers.notify.smtp import SmtpServer
from workers.notify.words import words_of

CHANNEL = Channel(UUID(int=2), "ada@example.com", {}, "", "verified")
AWAY, BUSY = "the mail server cannot be reached", "the mail server takes nothing just now"
WITHIN_S = 30.0


class Relay(asyncio.Protocol):
    """A mail server that greets, and answers commands by their first word; it hangs up where the answer is empty."""

    def __init__(self, greeting: str, answers: Mapping[str, str]) -> None:
        self._greeting = greeting
        self._answers = answers
        self.left = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._greeting.encode() + b"\r\n")

    def data_received(self, data: bytes) -> None:
        if answer := self._answers.get(data.split()[0].decode(), "250 OK"):
            self._transport.write(answer.encode() + b"\r\n")
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.left.set()


@contextlib.asynccontextmanager
async def relaying(greeting: str, answers: Mapping[str, str]) -> AsyncIterator[int]:
    """Run one for one connection; give its port."""
    relay = Relay(greeting, answers)
    server = await asyncio.get_running_loop().create_server(lambda: relay, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        async with asyncio.timeout(WITHIN_S):
            await relay.left.wait()
            await server.wait_closed()


@pytest.mark.parametrize(
    ("greeting", "answers", "read"),
    [
        ("554 relay7.corp.internal takes nothing from 10.0.0.5", {}, BUSY),
        ("220 relay7", {"EHLO": "421 10.0.0.7 goes down", "HELO": "421 10.0.0.7 goes down"}, BUSY),
        ("220 relay7", {"MAIL": "451 the queue of relay7.corp.internal is full"}, BUSY),
        ("220 relay7", {"EHLO": "250-relay7\r\n250 STARTTLS", "STARTTLS": "220 go\r\nwhere"}, AWAY),
        ("220 relay7", {"EHLO": ""}, AWAY),
    ],
)
async def test_a_mail_server_out_of_order_is_said_in_few_words(
    greeting: str, answers: dict[str, str], read: str
) -> None:
    async with relaying(greeting, answers) as port:
        server = SmtpServer.of(f"smtp://127.0.0.1:{port}")
        mail = Mail(server, "Tickmesh <alerts@tickmesh.test>", "", WITHIN_S, 1)
        with pytest.raises(Unavailable) as caught:
            await mail.send(Parcel(UUID(int=1), Probe(), words_of(Probe()), CHANNEL))
    assert str(caught.value) == read
