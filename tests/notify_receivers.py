"""Real receivers of notifications: an HTTP server that answers as it is told, and a mail server."""

import asyncio
import contextlib
import email
import email.policy
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    number: int  # from 1

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Answering = Callable[[Call], Awaitable[Reply]]


async def accept(call: Call) -> Reply:
    """Take everything."""
    del call
    return Reply()


def every_third_fails() -> Answering:
    """Answer every third request with 503."""

    async def answer(call: Call) -> Reply:
        return Reply(503 if call.number % 3 == 0 else 200)

    return answer


@dataclass
class Receiver:
    """An HTTP server; `calls` are all requests, `accepted` counts those that were answered with 200 by their id."""

    answer: Answering = accept
    calls: list[Call] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        call = Call(method, path, headers, body, len(self.calls) + 1)
        self.calls.append(call)
        reply = await self.answer(call)
        more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        head = f"HTTP/1.1 {reply.status} -\r\nContent-Length: {len(reply.body)}\r\nConnection: close\r\n{more}\r\n"
        writer.write(head.encode() + reply.body)
        await writer.drain()
        self.accepted[call.id] += reply.status == 200


@contextlib.asynccontextmanager
async def receiving(
    answer: Answering = accept, port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Run a receiver, on a free port unless one is named."""
    receiver = Receiver(answer)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", port, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass
class MailServer:
    """A mail server; `refusals` are answers to recipients, taken from the front, before it takes messages."""

    messages: list[EmailMessage] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    hangs_at: str = ""  # a command that is never answered

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del server, session
        await self._hang("DATA")
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append(email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default))
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del server, session, envelope
        await self._hang("QUIT")
        return "221 Bye"

    async def _hang(self, command: str) -> None:
        if command == self.hangs_at:
            await asyncio.Event().wait()

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if message["To"] == address]


@contextlib.asynccontextmanager
async def receiving_mail(port: int) -> AsyncIterator[MailServer]:
    """Run a mail server."""
    mail = MailServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mail, hostname="localhost", loop=loop), "127.0.0.1", port)
    try:
        yield mail
    finally:
        server.close()
        await server.wait_closed()
