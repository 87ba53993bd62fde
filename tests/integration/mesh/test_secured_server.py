"""TLS and passwords: nats-py's own, which the bulk client must leave intact."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from nats.errors import AuthorizationError, NoServersError

from infra.local import programs
from infra.local.ports import any_free
from infra.local.probes import nats_answers
from infra.local.servers import Server
from infra.local.service import Service
from mesh.bulk_client import BulkClient
from mesh.frames import SubjectTable

Until = Callable[..., Awaitable[None]]

CONFIG = """
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{folder}" }}
tls {{ cert_file: "{certificate}", key_file: "{key}" }}
authorization {{ user: feed, password: "p@ss word" }}
"""


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Make a certificate that is its own authority, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.fail("the openssl program is needed to make a certificate for this test")
    made, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run([openssl, "req", *kind, *names, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


@pytest_asyncio.fixture
async def secured(tmp_path: Path, certificate: tuple[Path, Path]) -> AsyncIterator[tuple[Server, int, ssl.SSLContext]]:
    """Run a nats-server that wants TLS and a password."""
    port, (made, key) = any_free(), certificate
    config = tmp_path / "secured.conf"
    config.write_text(CONFIG.format(port=port, folder=tmp_path, certificate=made, key=key))
    argv = (str(programs.nats_server()), "-c", str(config))
    server = Server(Service("secured", argv, tmp_path, tmp_path / "secured.log", probe=nats_answers(port)))
    await server.start()
    yield server, port, ssl.create_default_context(cafile=str(made))
    await server.stop()


async def test_bulk_messages_pass_through_tls_and_come_back_after_a_restart(
    secured: tuple[Server, int, ssl.SSLContext], until: Until
) -> None:
    server, port, context = secured
    client = BulkClient()
    login = {"user": "feed", "password": "p@ss word", "tls": context, "reconnect_time_wait": 0.05}
    await client.connect(f"tls://127.0.0.1:{port}", max_reconnect_attempts=-1, **login)
    seen: list[int] = []
    bulk = client.open_bulk(200, lambda slots, _: seen.extend(slots.tolist()))
    client.subscribe_many(bulk, {number: f"q.XNAS.S{number}" for number in range(3000)})
    await client.flush()
    table = SubjectTable("q")
    table.add({number: f"XNAS.S{number}" for number in range(3000)})
    frames = table.frames(np.arange(3000), np.zeros((3000, 200), np.uint8))
    for round_ in range(2):
        assert client.write_frames(frames)
        await client.drain_writes()
        await until(lambda: len(seen) >= 3000)
        assert sorted(seen) == list(range(3000))
        seen.clear()
        if round_ == 0:
            server.kill()
            await server.exited()
            await until(lambda: not client.is_connected)
            await server.start()
            await until(lambda: client.is_connected)
    await client.close()


@pytest.mark.parametrize(("user", "password"), [("feed", "wrong"), ("nobody", "p@ss word")])
async def test_a_wrong_password_is_refused(
    secured: tuple[Server, int, ssl.SSLContext], user: str, password: str
) -> None:
    _, port, context = secured
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        errors.append(error)

    client = BulkClient()
    with pytest.raises((NoServersError, AuthorizationError)):
        await client.connect(
            f"tls://127.0.0.1:{port}",
            user=user,
            password=password,
            tls=context,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.01,
            error_cb=note,
        )
    assert any("authorization violation" in str(error).lower() for error in errors)
