"""The load generator: a swarm of clients in a process of its own, told what to do by the benchmark."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from uuid import uuid4

import msgspec
import numpy as np

from bench.fanout.dialects import dialect_named
from bench.fanout.ledger import Ledger
from bench.fanout.steps import Step, quantiles
from bench.fanout.swarm import Swarm, Tally
from bench.processes import Figures, Line
from gateway.accounts.settings import TokenSettings
from gateway.accounts.tokens import AccessTokens
from market import rows

_OPEN_WITHIN_S = 60.0
_NAMED = 5  # of what is missing at the end
Job = Callable[[], Figures | None]


class _Driver:
    """Runs a swarm in a thread of its own; jobs are asked once a turn whether they are done."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Figures]]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    async def do(self, job: Job) -> Figures:
        """Have a job asked after each turn until it answers."""
        done: Future[Figures] = Future()
        self._jobs.put((job, done))
        return await asyncio.wrap_future(done)

    def _run(self) -> None:
        job: tuple[Job, Future[Figures]] | None = None
        while True:
            self._swarm.turn()
            if job is None and not self._jobs.empty():
                job = self._jobs.get()
            if job is not None and (answer := job[0]()) is not None:
                job[1].set_result(answer)
                job = None


async def attend(
    line: Line,
    dialect: str,
    port: int,
    clients: int,
    symbols: int,
    each: int = 10,
    rate: float = 20.0,
    per_s: float = 1000.0,
    secret: str = "",
) -> None:
    """Open all clients and say how that went, then do as told.

    `{"measure": seconds}` counts for so long; `{"settle": path, "for_s": …}` waits until all hold the states saved
    there, and says what differs; `{"rate": …}` asks for other rates; `{"record": path}` saves messages of updates.
    """
    ledger = Ledger(clients, symbols, each)
    tokens = _tokens(clients, secret) if secret else [""]
    swarm = Swarm(dialect_named(dialect), ledger, lambda client: tokens[client % len(tokens)], port, rate, per_s)
    driver = _Driver(swarm)
    line.say(**await driver.do(_opened(swarm)))
    while True:
        words = await line.heard()
        if "measure" in words:
            line.say(**await driver.do(_Measurement(swarm, words["measure"])))
        elif "rate" in words:
            line.say(**await driver.do(_paced(swarm, words["rate"])))
        elif "record" in words:
            line.say(**await driver.do(_recorded(swarm, Path(words["record"]))))
        else:
            line.say(**await driver.do(_settled(swarm, Path(words["settle"]), words["for_s"])))


def _tokens(count: int, secret: str) -> list[str]:
    """Sign a token for each client, every one another user."""
    tokens = AccessTokens(TokenSettings(secret=secret.encode()))
    return [tokens.issue(uuid4(), time.time()) for _ in range(count)]


def _opened(swarm: Swarm) -> Job:
    deadline_s = time.perf_counter() + _OPEN_WITHIN_S

    def job() -> Figures | None:
        if not swarm.is_open and time.perf_counter() < deadline_s:
            return None
        return {**swarm.openings.figures(), "others": dict(swarm.others)}

    return job


class _Measurement:
    """Counts what comes, from the turn after it was asked for."""

    def __init__(self, swarm: Swarm, seconds: float) -> None:
        self._swarm = swarm
        self._seconds = seconds
        self._began_s = 0.0

    def __call__(self) -> Figures | None:
        if not self._began_s:
            self._begin()
        took_s = time.perf_counter() - self._began_s
        return self._figures(took_s) if took_s >= self._seconds else None

    def _begin(self) -> None:
        ledger = self._swarm.ledger
        self._began_s, self._began_cpu_s = time.perf_counter(), time.process_time()
        self._before = ledger.updates, ledger.went_back, ledger.unexpected
        self._swarm.tally = Tally()
        ledger.ages.clear()

    def _figures(self, took_s: float) -> Figures:
        swarm, ledger = self._swarm, self._swarm.ledger
        used_s = time.process_time() - self._began_cpu_s
        return {
            "wall_s": took_s,
            "updates": ledger.updates - self._before[0],
            "went_back": ledger.went_back - self._before[1],
            "unexpected": ledger.unexpected - self._before[2],
            "frames": swarm.tally.frames,
            "bytes": swarm.tally.bytes,
            "age_ms": ledger.ages.figures(),
            "turn_ms": quantiles(np.array(swarm.tally.turns_s) * 1e3),
            "cores": used_s / took_s,
            "closed": swarm.openings.count(Step.CLOSED),
            "others": dict(swarm.others),
        }


def _paced(swarm: Swarm, rate: float) -> Job:
    def job() -> Figures:
        swarm.pace(rate)
        return {"asked": rate}

    return job


def _recorded(swarm: Swarm, path: Path) -> Job:
    def job() -> Figures | None:
        messages = list(swarm.recorded)
        path.write_bytes(msgspec.msgpack.encode(messages))
        return {"messages": len(messages), "mean_bytes": sum(map(len, messages)) / max(1, len(messages))}

    return job


def _settled(swarm: Swarm, path: Path, within_s: float) -> Job:
    states = np.load(path).view(rows.STATE.dtype).reshape(-1)
    last = states["sequence"].astype(np.int64)
    began_s = time.perf_counter()

    def job() -> Figures | None:
        missing, took_s = swarm.ledger.not_at(last), time.perf_counter() - began_s
        differing = swarm.sample.differing(states) if not missing else []
        if (missing or differing) and took_s < within_s:
            return None
        return {
            "missing": missing,
            "behind": swarm.ledger.behind(last, _NAMED),
            "held": swarm.ledger.newest.size,
            "took_s": took_s,
            "sampled": swarm.sample.instruments,
            "differing": len(differing),
            "first_difference": differing[0] if differing else "",
        }

    return job
