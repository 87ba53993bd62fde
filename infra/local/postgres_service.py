"""Postgres as the local stack runs it: its own cluster, loopback TCP, passwords by SCRAM, never as root."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.local import programs
from infra.local.folder import write_private
from infra.local.postgres_place import copy_install, give_store, reachable_install, reachable_store
from infra.local.probes import postgres_answers
from infra.local.service import Account, NotReady, Service

NOBODY = Account(uid=65534, gid=65534)
DATABASE = "tickmesh"
READY_WITHIN_S = 60.0  # after a kill the server first replays its log
INIT_WITHIN_S = 60.0
OLD_SERVER_STOPS_WITHIN_S = 6.0  # Postgres itself kills its children 5 s after SIGQUIT


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """Where the server listens and stores, and the passwords of its administrator and of the platform's role.

    `durable=False` leaves out fsync: enough against a killed process, not against a power cut. Tests take it.
    """

    port: int
    store: Path
    admin_password: str
    password: str
    durable: bool = True

    @property
    def dsn(self) -> str:
        """The address for the platform's processes: a role that owns its database and nothing else."""
        return f"postgresql://{DATABASE}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def admin_dsn(self) -> str:
        """The address for the server's administrator."""
        return f"postgresql://postgres:{self.admin_password}@127.0.0.1:{self.port}/postgres"


def postgres_service(settings: PostgresSettings, log: Path) -> Service:
    """Declare the server; the cluster is made before its first start. Raises `ProgramMissing`."""
    account = NOBODY if os.geteuid() == 0 else None
    bundled = programs.postgres_install()
    install = reachable_install(bundled, programs.postgres_version()) if account else bundled
    store = postgres_store(settings)
    cluster = store / "cluster"

    async def prepare() -> None:
        if account:
            await asyncio.to_thread(copy_install, bundled, install)
            give_store(store, account)
        store.mkdir(parents=True, exist_ok=True)
        if not cluster.exists():
            await asyncio.to_thread(_make_cluster, install, cluster, settings, account)
        await _clear_remains(cluster)

    return Service(
        name="postgres",
        argv=(str(install / "bin" / "postgres"), "-D", str(cluster), *_options(settings)),
        cwd=Path("/"),
        log=log,
        env=_environment(),
        prepare=prepare,
        probe=postgres_answers(settings.dsn),
        run_as=account,
        ready_within_s=READY_WITHIN_S,
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for the clients
        death_signal=signal.SIGQUIT,  # "immediate": takes its own children and its pid file along
    )


def postgres_store(settings: PostgresSettings) -> Path:
    """Return where the data really lies: in root's stack that can be elsewhere than asked for."""
    return reachable_store(settings.store) if os.geteuid() == 0 else settings.store


def _options(settings: PostgresSettings) -> tuple[str, ...]:
    given = {
        **(_lasting() if settings.durable else {"fsync": "off"}),
        "listen_addresses": "127.0.0.1",
        "port": str(settings.port),
        "unix_socket_directories": "",
        "log_min_messages": "warning",
        "timezone": "UTC",
    }
    return tuple(part for name, value in given.items() for part in ("-c", f"{name}={value}"))


def _lasting() -> dict[str, str]:
    """Give what Postgres needs to hold the tables of a crash in its own memory, and not to sync them in its midst.

    A quarter of the machine's memory, as its documentation advises, and a gigabyte at most: others need the rest.
    """
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return {"fsync": "on", "shared_buffers": f"{max(128, min(memory_mb // 4, 1024))}MB", "max_wal_size": "2GB"}


def _environment() -> dict[str, str]:
    # Postgres needs nothing of ours: no variable of the caller's shell may change what the server does.
    return {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


def _make_cluster(install: Path, cluster: Path, settings: PostgresSettings, account: Account | None) -> None:
    """Run initdb and make the platform's role and database, beside the final place: half a cluster is never used."""
    draft = cluster.with_name("cluster.new")
    shutil.rmtree(draft, ignore_errors=True)
    password_file = cluster.with_name("initdb.password")
    write_private(password_file, settings.admin_password)
    if account:
        os.chown(password_file, account.uid, account.gid)
    try:
        _run(
            [str(install / "bin" / "initdb"), "-D", str(draft), "-U", "postgres", f"--pwfile={password_file}"]
            + ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
            + ([] if settings.durable else ["--no-sync"]),
            account,
        )
    finally:
        password_file.unlink()
    # In single-user mode a statement is a line; ours are free of quotes by the passwords' alphabet.
    _run(
        [str(install / "bin" / "postgres"), "--single", "-D", str(draft), "postgres"],
        account,
        f"CREATE ROLE {DATABASE} LOGIN PASSWORD '{settings.password}'\nCREATE DATABASE {DATABASE} OWNER {DATABASE}\n",
    )
    draft.replace(cluster)


def _run(argv: list[str], account: Account | None, text: str = "") -> None:
    """Run one of Postgres' programs to its end. Raises `NotReady` with what it said where it fails."""
    program = Path(argv[0]).name
    try:
        result = subprocess.run(  # noqa: S603  # the commands are ours
            argv,
            check=False,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=_environment(),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            timeout=INIT_WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        raise NotReady(f"{program} was not done after {INIT_WITHIN_S:.0f} s") from None
    if result.returncode != 0 or "ERROR:" in result.stdout:
        raise NotReady(f"{program} ended with code {result.returncode}: {result.stdout[-1000:]}")


async def _clear_remains(cluster: Path) -> None:
    """End what is left of a server that was killed: we hold the folder's lock, so it has no owner.

    Its children need a moment to notice that it is gone, and as long as one lives no new server can start. The pid
    file it left would stop a start for ever once its number has been given to another process. Where the system has no
    /proc both are left to Postgres' own checks. Raises TimeoutError where the old processes will not go.
    """
    if not _sees_processes():
        return
    for pid in _processes_of(cluster):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
    async with asyncio.timeout(OLD_SERVER_STOPS_WITHIN_S):
        while _processes_of(cluster):  # noqa: ASYNC110  # they are no children of ours: nothing tells us their end
            await asyncio.sleep(0.02)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _sees_processes() -> bool:
    return Path("/proc/self/exe").exists()


def _processes_of(cluster: Path) -> list[int]:
    """List the Postgres processes that work in the cluster, which is the working folder of all of them."""
    place = os.path.realpath(cluster)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is another user's
            if (process / "cwd").readlink() == Path(place) and "postgres" in (process / "exe").readlink().name:
                found.append(int(process.name))
    return found
