"""A Postgres with TimescaleDB: PGlite, compiled to WebAssembly, in a node process of its own.

No wheel brings TimescaleDB, so its packages come from npm, once; node is the system's or the environment's.
"""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.bootstrap.page import find_npm
from infra.bootstrap.progress import CannotPrepare
from infra.bootstrap.stamps import digest, read_stamp
from infra.local.ports import any_free
from infra.migrate import MIGRATIONS

HERE = Path(__file__).parent
INSTALL_WITHIN_S = 100
START_WITHIN_S = 30


def install() -> Path:
    """Install the packages where they are not current; return node. Raises CannotPrepare."""
    npm = find_npm()
    stamp, current = HERE / "node_modules" / ".tickmesh-packages", digest([HERE / "package-lock.json"])
    if read_stamp(stamp) != current:
        command = [*npm.command, "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command,
            cwd=HERE,
            env=npm.environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_WITHIN_S,
            check=False,
        )
        if done.returncode:
            raise CannotPrepare(f"{' '.join(command)} failed in {HERE}:\n{done.stderr[-2000:]}")
        stamp.write_text(current)
    return Path("node") if len(npm.command) == 1 else Path(npm.command[0])


@pytest.fixture(scope="session")
def node() -> Path:
    try:
        return install()
    except (CannotPrepare, subprocess.TimeoutExpired) as problem:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"TimescaleDB's packages cannot be installed: {problem}")


@pytest.fixture(scope="session")
def server(node: Path) -> Iterator[psycopg.Connection]:
    """Run the server with every migration applied; it takes one connection at a time, and this is it."""
    port = any_free()
    with subprocess.Popen([str(node), "serve.mjs", str(port)], cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with selectors.DefaultSelector() as output:
                output.register(process.stdout, selectors.EVENT_READ)
                assert output.select(START_WITHIN_S), f"the server says nothing within {START_WITHIN_S} s"
            assert process.stdout.readline() == "ready\n"
            url = f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
            # Without server-side prepared statements: the socket's server does not keep them apart.
            with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
                for migration in (*sorted(MIGRATIONS.glob("*.sql")), *sorted((MIGRATIONS / "timescale").glob("*.sql"))):
                    if not migration.name.endswith(".rollback.sql"):
                        connection.execute(migration.read_text())
                yield connection
        finally:
            process.kill()


@pytest.fixture
def timescale(server: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Give the connection in a transaction that is taken back at the end."""
    with server.transaction(force_rollback=True):
        yield server
