"""`python -m infra.local`: run the whole platform on this machine until Ctrl-C. `make up` sets everything up for it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from pathlib import Path

from infra.local.console import Console
from infra.local.credentials import keep_passwords
from infra.local.folder import DEFAULT_ROOT, AlreadyRunning, Folder, FolderLock
from infra.local.launcher import Launcher
from infra.local.ports import any_free, choose_ports, is_free, read_ports, write_ports
from infra.local.programs import ProgramMissing
from infra.local.push_keys import keep_push_keys
from infra.local.stack import PREFERRED_PORTS, Settings

PORTS_FREE_WITHIN_S = 2.0


def main(arguments: list[str] | None = None) -> int:
    """Take the data folder and run the stack in it; return the exit code."""
    options = _parse(arguments)
    folder = Folder(options.data.resolve())
    folder.create()
    try:
        lock = FolderLock(folder.lock)
    except AlreadyRunning as running:
        print(f"Tickmesh in {folder.root}: {running}", file=sys.stderr)  # noqa: T201  # the answer to a command
        return 1
    logging.basicConfig(filename=folder.log("launcher"), level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    console = Console(sys.stdout)
    try:
        settings = _settings(options, folder)
        return asyncio.run(_run(settings, console, lock))
    except (ProgramMissing, ValueError) as error:
        console.say(f"Tickmesh cannot start: {error}")
        return 1
    finally:
        lock.release()


async def _run(settings: Settings, console: Console, lock: FolderLock) -> int:
    return await Launcher(settings, console, lock).run()


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="Run Tickmesh on this machine.")
    feed = os.environ.get("TICKMESH_FEED") or "sim:rate=2000"
    parser.add_argument("--feed", default=feed, help="what to replay or simulate (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=DEFAULT_ROOT, help="the data folder (default: %(default)s)")
    parser.add_argument("--http-port", type=int, help="the page's port (default: 8080, or a free one)")
    return parser.parse_args(arguments)


def _settings(options: argparse.Namespace, folder: Folder) -> Settings:
    return Settings(
        folder=folder,
        ports=_ports(folder.ports, options.http_port),
        passwords=keep_passwords(folder.passwords),
        push_keys=keep_push_keys(folder.push_keys),
        feed=options.feed,
        http_host=os.environ.get("TICKMESH_HTTP_HOST") or "127.0.0.1",
        environment=dict(os.environ),
    )


def _ports(path: Path, http_port: int | None) -> dict[str, int]:
    """Choose the ports and remember them. Raises ValueError where the port that was asked for is taken."""
    remembered = read_ports(path)
    preferred = dict(PREFERRED_PORTS)
    if http_port is not None:
        if not 0 < http_port < 65536:
            raise ValueError(f"--http-port must be 1..65535, not {http_port}")
        remembered["http"] = http_port
    _wait_for_release(list(remembered.values()))
    ports = choose_ports(preferred, remembered, is_free, any_free)
    if http_port is not None and ports["http"] != http_port:
        raise ValueError(f"--http-port {http_port} is taken by another program")
    write_ports(path, ports)
    return ports


def _wait_for_release(ports: list[int]) -> None:
    """Give the servers of a launcher that was killed a moment to end, so that their addresses stay the same."""
    deadline = time.monotonic() + PORTS_FREE_WITHIN_S
    while time.monotonic() < deadline and not all(is_free(port) for port in ports):
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
