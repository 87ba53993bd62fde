"""The real stack without a feed: NATS, Postgres with its schema, the cache where there is one, the gateway."""

import asyncio
import contextlib
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from infra.local.ports import any_free
from infra.local.probes import http_answers, http_request
from infra.local.programs import ProgramMissing
from infra.local.servers import Server, running_nats, running_postgres, running_valkey
from infra.local.service import Service
from infra.local.stack import GATEWAY_READY_WITHIN_S
from infra.migrate import migrate

EMAIL = "bench@example.com"


class StackError(Exception):
    """The stack did not do as it was asked; the message holds its answer."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where everything is; `environment` is what a process of ours is started with."""

    nats_url: str
    nats_pid: int
    cache_url: str
    environment: dict[str, str]
    folder: Path


@contextlib.asynccontextmanager
async def running_stack(folder: Path) -> AsyncIterator[Stack]:
    """Run the servers, each with its data in `folder`."""
    async with contextlib.AsyncExitStack() as stack:
        nats = await stack.enter_async_context(running_nats(folder))
        postgres = await stack.enter_async_context(running_postgres(folder))
        cache_url = ""
        with contextlib.suppress(ProgramMissing):  # the platform runs without a cache, and so do its benchmarks
            cache_url = (await stack.enter_async_context(running_valkey(folder))).url
        await asyncio.to_thread(migrate, postgres.url)
        environment = {
            **os.environ,
            "TICKMESH_NATS_URL": nats.url,
            "TICKMESH_POSTGRES_DSN": postgres.url,
            "TICKMESH_CACHE_URL": cache_url,
            "TICKMESH_JWT_SECRET": secrets.token_hex(32),
            "TICKMESH_HTTP_HOST": "127.0.0.1",
            "TICKMESH_HTTP_PORT": str(any_free()),
        }
        yield Stack(nats.url, nats.pid, cache_url, environment, folder)


@contextlib.asynccontextmanager
async def running_process(stack: Stack, module: str, **settings: str) -> AsyncIterator[Server]:
    """Run `python -m module` with the stack's environment; the gateway is waited for until it is ready."""
    environment = {**stack.environment, **settings}
    is_gateway = module == "gateway"
    port = int(environment["TICKMESH_HTTP_PORT"])
    server = Server(
        Service(
            name=module,
            argv=(sys.executable, "-m", module),
            cwd=Path.cwd(),
            log=stack.folder / f"{module}.log",
            env=environment,
            probe=http_answers("127.0.0.1", port, "/health/ready") if is_gateway else None,
            ready_within_s=GATEWAY_READY_WITHIN_S,
        )
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def log_in(stack: Stack) -> tuple[str, str]:
    """Register a user and log in; return the address of the stream and an access token. Raises StackError."""
    port = int(stack.environment["TICKMESH_HTTP_PORT"])
    credentials = {"email": EMAIL, "password": secrets.token_hex(16)}
    for path in ("/auth/register", "/auth/login"):
        status, body = await http_request("127.0.0.1", port, "POST", path, credentials)
        if status not in {200, 201}:
            raise StackError(f"{path} answers {status}: {body.decode(errors='replace')[:200]}")
    return f"ws://127.0.0.1:{port}/stream", json.loads(body)["access_token"]
