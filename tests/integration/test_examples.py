"""The examples, run as another team runs them, against a real feed on a real nats-server."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import nats
import pytest

from infra.bootstrap.page import Npm, find_npm
from infra.local.servers import NatsServer

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
INSTRUMENTS = ("XNAS.NVDA", "XNYS.BRK=2EB")
WITHIN_S = 30.0
PRICE = r"\d+\.\d\d"
LINE = re.compile(rf"(snapshot|quote) (\S+) \d\d:\d\d:\d\d (\d+): ({PRICE}) x (\d+), ({PRICE}) x (\d+), ({PRICE})")


@pytest.fixture
async def market(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[str]:
    """Run a feed, and give the address for guests once every instrument is quoted."""
    environment = {
        **os.environ,
        "TICKMESH_NATS_URL": nats_server.url,
        "TICKMESH_CACHE_URL": "",
        "TICKMESH_FEED": "sim:rate=5000,symbols=100,profile=flat,time=12:00",
    }
    with (tmp_path / "feed.log").open("wb") as log:
        feed = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workers.feed", cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            guest = await nats.connect(nats_server.guest_url)
            # Quoted, and heard of: then the instruments are listed and the snapshot service answers.
            for subject in (*(f"quote.{each}" for each in INSTRUMENTS), "status.XNAS", "status.XNYS"):
                subscription = await guest.subscribe(subject)
                await subscription.next_msg(timeout=WITHIN_S)
            await guest.close()
            yield nats_server.guest_url
        finally:
            feed.terminate()
            await feed.wait()


async def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stdout=PIPE, stderr=PIPE)


async def check_output(example: Process) -> None:
    """Read until every instrument had its snapshot and twenty quotes came, each line as documented."""
    seen: set[tuple[str, str]] = set()
    sequences: dict[str, list[int]] = {instrument: [] for instrument in INSTRUMENTS}
    quotes = 0
    try:
        async with asyncio.timeout(WITHIN_S):
            while quotes < 20 or not seen >= {("snapshot", each) for each in INSTRUMENTS}:
                line = (await example.stdout.readline()).decode().rstrip()
                match = LINE.fullmatch(line)
                assert match, line or (await example.stderr.read()).decode()
                origin, instrument, sequence, bid, _, ask, _, _ = match.groups()
                assert int(sequence) >> 32 == 1
                assert float(bid) < float(ask)
                seen.add((origin, instrument))
                if origin == "quote":
                    quotes += 1
                    sequences[instrument].append(int(sequence))
    finally:
        if example.returncode is None:
            example.kill()
        await example.communicate()
    for instrument in INSTRUMENTS:
        assert sequences[instrument] == sorted(set(sequences[instrument]))


async def refusal(example: Process) -> str:
    async with asyncio.timeout(WITHIN_S):
        _, said = await example.communicate()
    assert example.returncode == 1
    return said.decode()


def python(address: str, *instruments: str) -> list[str]:
    return [sys.executable, "-u", str(EXAMPLES / "subscriber.py"), address, *instruments]


async def test_the_python_example_prints_live_quotes(market: str, tmp_path: Path) -> None:
    await check_output(await run(python(market, *INSTRUMENTS), tmp_path, os.environ))


async def test_the_python_example_says_that_a_symbol_is_unknown(market: str, tmp_path: Path) -> None:
    assert "XNAS:NOPE is not listed" in await refusal(await run(python(market, "XNAS.NOPE"), tmp_path, os.environ))


@pytest.fixture
async def javascript(tmp_path: Path) -> tuple[Npm, Path]:
    """Install the example's packages in a copy of its folder, as its README says."""
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("node_modules"))
    npm = find_npm()
    install = await run([*npm.command, "ci"], folder, npm.environment)
    said, errors = await install.communicate()
    assert install.returncode == 0, (said + errors).decode()
    return npm, folder


@pytest.mark.timeout(180)  # the packages come over the network
async def test_the_javascript_example_prints_live_quotes(javascript: tuple[Npm, Path], market: str) -> None:
    npm, folder = javascript
    node = shutil.which("node", path=npm.environment["PATH"])
    assert node
    await check_output(await run([node, "subscriber.mjs", market, *INSTRUMENTS], folder, npm.environment))
    said = await refusal(await run([node, "subscriber.mjs", market, "XNAS.NOPE"], folder, npm.environment))
    assert "XNAS:NOPE is not listed" in said


@pytest.mark.parametrize("name", ["subscriber.py", "subscriber.mjs"])
def test_an_example_is_short(name: str) -> None:
    lines = (EXAMPLES / name).read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30


def test_the_lock_names_no_registry() -> None:
    lock = (EXAMPLES / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "://" not in lock
