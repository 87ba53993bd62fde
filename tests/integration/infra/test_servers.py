from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import asyncpg
import nats
import nats.errors
import pytest
import redis.asyncio
from nats.aio.client import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.local.servers import NatsServer, PostgresServer, ValkeyServer, running_nats, running_postgres


async def test_nats_keeps_its_port_and_its_stream_over_a_kill(nats_server: NatsServer) -> None:
    client = await nats.connect(nats_server.url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    await client.jetstream().publish("kept.a", b"row")
    await client.close()
    first_pid = nats_server.pid

    nats_server.kill(signal.SIGKILL)
    assert await nats_server.exited() == -signal.SIGKILL
    await nats_server.restart()

    assert nats_server.pid != first_pid
    client = await nats.connect(nats_server.url)
    assert (await client.jetstream().stream_info("KEPT")).state.messages == 1
    await client.close()


def states_of_threads(pid: int) -> set[str]:
    """Give the kernel's letters; none where there is no /proc."""
    return {stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")}


async def test_a_halted_server_is_still_stopped(tmp_path: Path) -> None:
    async with running_nats(tmp_path) as server:
        server.kill(signal.SIGSTOP)
        assert states_of_threads(server.pid) <= {"T"}
        assert await server.stop() is not None


async def test_postgres_takes_only_the_password_and_only_tcp(postgres_server: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            postgres_server.url.replace(postgres_server.url.split(":")[2].split("@")[0], "wrong"), ssl=False
        )
    connection = await asyncpg.connect(postgres_server.admin_url, ssl=False)
    assert await connection.fetchval("SHOW unix_socket_directories") == ""
    assert await connection.fetchval("SHOW password_encryption") == "scram-sha-256"
    assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = 'tickmesh'") is False
    await connection.close()


async def test_postgres_comes_back_after_a_kill_with_a_foreign_process_under_its_old_number(
    open_folder: Path,
) -> None:
    folder = open_folder / "killed"
    folder.mkdir(mode=0o711)
    async with running_postgres(folder) as server:
        connection = await asyncpg.connect(server.url, ssl=False)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        connection.terminate()
        server.kill(signal.SIGKILL)
        await server.exited()
        pid_file = next(folder.glob("postgres/cluster/postmaster.pid"))
        lines = pid_file.read_text().splitlines()
        bystander = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")

        await server.restart()

        connection = await asyncpg.connect(server.url, ssl=False)
        assert await connection.fetchval("SELECT value FROM kept") == 7
        await connection.close()
        assert bystander.returncode is None
        await bystander.communicate(b"")


async def test_every_test_gets_a_database_of_its_own(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url, ssl=False)
    await connection.execute("CREATE TABLE mine (value int)")
    await connection.close()


async def test_cache_asks_for_its_password_and_comes_back_empty(valkey_server: ValkeyServer) -> None:
    async with redis.asyncio.Redis.from_url(valkey_server.url) as client:
        await client.set("quote", "1")
    async with redis.asyncio.Redis(port=valkey_server.port, retry=Retry(NoBackoff(), 0)) as stranger:
        with pytest.raises(redis.exceptions.AuthenticationError):
            await stranger.get("quote")

    valkey_server.kill(signal.SIGKILL)
    await valkey_server.restart()

    async with redis.asyncio.Redis.from_url(valkey_server.url) as client:
        assert await client.get("quote") is None


class Guest:
    """Another team's client, with what the server refused it."""

    def __init__(self) -> None:
        self.refused: asyncio.Queue[str] = asyncio.Queue()

    async def connect(self, server: NatsServer) -> Client:
        async def on_error(error: Exception) -> None:
            await self.refused.put(str(error))

        return await nats.connect(server.guest_url, error_cb=on_error)


async def test_guest_reads_quotes_and_asks_for_snapshots(nats_server: NatsServer) -> None:
    mesh = await nats.connect(nats_server.url)
    guest = await nats.connect(nats_server.guest_url)
    quotes = await guest.subscribe("quote.XNAS.*")

    async def answer(request: nats.aio.msg.Msg) -> None:
        await request.respond(b"row")

    await mesh.subscribe("snapshot.>", cb=answer)
    await asyncio.gather(guest.flush(), mesh.flush())

    await mesh.publish("quote.XNAS.AAPL", b"state")
    message = await quotes.next_msg(timeout=5)
    assert (message.subject, message.data) == ("quote.XNAS.AAPL", b"state")
    assert (await guest.request("snapshot.XNAS.AAPL", timeout=5)).data == b"row"
    await asyncio.gather(guest.close(), mesh.close())


@pytest.mark.parametrize(
    "subject", ["quote.XNAS.AAPL", "tape.0", "ops.feed.1", "$JS.API.STREAM.LIST", "$SYS.REQ.SERVER.PING"]
)
async def test_guest_cannot_publish(nats_server: NatsServer, subject: str) -> None:
    team = Guest()
    guest = await team.connect(nats_server)
    await guest.publish(subject, b"forged")
    refused = await asyncio.wait_for(team.refused.get(), 5)
    assert "permissions violation for publish" in refused.lower()
    assert subject.lower() in refused.lower()
    await guest.close()


@pytest.mark.parametrize("subject", ["tape.>", "ops.>", "$JS.>", "$SYS.>", ">"])
async def test_guest_cannot_subscribe(nats_server: NatsServer, subject: str) -> None:
    team = Guest()
    guest = await team.connect(nats_server)
    await guest.subscribe(subject)
    refused = await asyncio.wait_for(team.refused.get(), 5)
    assert "permissions violation for subscription" in refused.lower()
    await guest.close()


async def test_mesh_needs_its_password(nats_server: NatsServer) -> None:
    client = Client()
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization violation"):
        await client.connect(nats_server.url.replace("mesh:", "mesh:not-"), allow_reconnect=False)
    await client.close()
