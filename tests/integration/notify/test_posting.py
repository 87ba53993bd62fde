"""Where users' addresses must not lead, against servers that would answer there."""

import asyncio
import datetime
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.notify_receivers import Call, Receiver, Reply, receiving
from workers.notify.outcome import Refused, Unavailable
from workers.notify.posting import MOST_READ_BYTES, Poster

NAME = "receiver.tickmesh.test"


@pytest_asyncio.fixture
async def outside() -> AsyncIterator[Poster]:
    """Give a poster as a public installation has it."""
    async with Poster(private_allowed=False, timeout_s=20, at_once=4) as poster:
        yield poster


@pytest_asyncio.fixture
async def inside() -> AsyncIterator[Poster]:
    """Give one that may call private addresses."""
    async with Poster(private_allowed=True, timeout_s=20, at_once=4) as poster:
        yield poster


class Names:
    """Answers for names as told, and counts the questions."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        family = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [(family[ip_address(each).version], socket.SOCK_STREAM, 6, "", (each, port)) for each in self.addresses]


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> Names:
    names = Names(list(addresses))
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo, raising=False)
    return names


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "127.1", "0x7f.1", "2130706433", "[::ffff:7f00:1]"]
)
async def test_this_machine_is_not_called_however_it_is_written(outside: Poster, host: str) -> None:
    async with receiving() as server:
        with pytest.raises((Refused, Unavailable), match=r"private network|no address on the public Internet"):
            await outside.post(f"http://{host}:{server.port}/", {}, b"")
        assert server.calls == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["fe80::1"], ["169.254.169.254"]])
async def test_a_name_that_leads_to_a_private_network_is_not_called(
    outside: Poster, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    async with receiving() as server:
        resolve(monkeypatch, *addresses)
        with pytest.raises(Unavailable, match=f"{NAME} has no address on the public Internet"):
            await outside.post(f"http://{NAME}:{server.port}/", {}, b"")
        assert server.calls == []


async def test_a_name_is_resolved_once_and_called_where_that_led(
    inside: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as server:
        names = resolve(monkeypatch, "127.0.0.1")
        await inside.post(f"http://{NAME}:{server.port}/hook?a=b#c", {"x-own": "1"}, b"said")
        assert names.asked == [NAME]
        (call,) = server.calls
        assert (call.method, call.path, call.body, call.headers["x-own"]) == ("POST", "/hook?a=b", b"said", "1")
        assert call.headers["host"] == f"{NAME}:{server.port}"


async def test_a_name_that_is_not_there_may_be_later(outside: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
    with pytest.raises(Unavailable, match=f"{NAME} has no address on the public Internet"):
        await outside.post(f"http://{NAME}/", {}, b"")


async def test_redirects_are_not_followed(inside: Poster) -> None:
    async def moved(call: Call) -> Reply:
        del call
        return Reply(307, headers=(("Location", target.url),))

    async with receiving() as target, receiving(moved) as server:
        with pytest.raises(Refused, match="307, and redirects are not followed"):
            await inside.post(server.url, {}, b"")
        assert (len(server.calls), target.calls) == (1, [])


@pytest.mark.parametrize(("status", "error"), [(400, Refused), (410, Refused), (429, Unavailable), (502, Unavailable)])
async def test_what_will_not_change_is_told_from_what_may(inside: Poster, status: int, error: type[Exception]) -> None:
    async def answer(call: Call) -> Reply:
        del call
        return Reply(status, headers=(("Retry-After", "7"),))

    async with receiving(answer) as server:
        with pytest.raises(error, match=str(status)) as raised:
            await inside.post(server.url, {}, b"")
        assert getattr(raised.value, "retry_after_s", 7.0) == 7.0


async def test_no_more_is_read_than_is_needed(inside: Poster) -> None:
    async def endless(call: Call) -> Reply:
        del call
        return Reply(200, bytes(10 << 20))

    async with receiving(endless) as server:
        assert len((await inside.post(server.url, {}, b"")).body) == MOST_READ_BYTES


async def test_nobody_there_may_be_later(inside: Poster, receiver_that_left: Receiver) -> None:
    with pytest.raises(Unavailable, match="no connection"):
        await inside.post(receiver_that_left.url, {}, b"")


async def test_a_connection_that_breaks_is_said_by_name(inside: Poster) -> None:
    """Such an error has no text of its own."""

    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable, match=rf":{port}: \w+"):
            await inside.post(f"http://127.0.0.1:{port}/", {}, b"")


@pytest_asyncio.fixture
async def receiver_that_left() -> Receiver:
    async with receiving() as receiver:
        return receiver


@pytest.mark.parametrize("name", [NAME, "another.tickmesh.test"])
async def test_a_certificate_must_be_of_the_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path, NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with (
        receiving(context=context) as server,
        Poster(private_allowed=True, timeout_s=20, at_once=4) as poster,
    ):
        resolve(monkeypatch, "127.0.0.1")
        url = f"https://{name}:{server.port}/"
        if name == NAME:
            assert (await poster.post(url, {}, b"")).status == 200
        else:
            with pytest.raises(Unavailable, match="certificate"):
                await poster.post(url, {}, b"")
        assert len(server.calls) == (name == NAME)


def _certificate(folder: Path, name: str) -> Path:
    """Write a key and a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path
