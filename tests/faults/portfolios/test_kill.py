"""Fifty clients write to one portfolio while everything under them is killed; every accepted command is there once.

One schedule runs by default, twenty with TICKMESH_LEDGER_SEEDS=20.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from nats.errors import Error as NatsError

from infra.local.servers import NatsServer, PostgresServer
from infra.migrate import migrate
from market.answer import Answer
from market.ledger.commands import Command, Fields, Record
from market.ledger.transaction import Kind
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.faults.conftest import Report
from tests.ledger_check import differences, read_commands, tables_at_the_end
from tests.portfolio_worker import LedgerClient, PortfolioWorker, command, ledger_client, trade

pytestmark = pytest.mark.timeout(240)

SEEDS = int(os.environ.get("TICKMESH_LEDGER_SEEDS", "1"))
CLIENTS, COMMANDS, PARTITIONS = 50, 10, 2  # commands of each client
SYMBOLS = ("XNAS:AAPL", "XNYS:BRK.B", "XNAS:MSFT")
FAULTS = 12  # of workers
PATIENCE_S = 1.0  # of a client with an answer, before it sends its command again


@dataclass
class Told:
    """What clients sent and were told; several answers to one command have to be the same."""

    sent: Counter[UUID] = field(default_factory=Counter)
    answers: dict[UUID, Answer] = field(default_factory=dict)
    changed: list[UUID] = field(default_factory=list)

    def note(self, number: UUID, answer: Answer) -> None:
        if self.answers.setdefault(number, answer) != answer:
            self.changed.append(number)


def fields_of(dice: random.Random) -> Fields:
    symbol, price = dice.choice(SYMBOLS), str(Decimal(dice.randrange(1, 10**6)).scaleb(-4))
    quantity = str(Decimal(dice.randrange(1, 10**10)).scaleb(-8))
    match dice.randrange(8):
        case 0 | 1 | 2:
            return trade(Kind.BUY, symbol, quantity, price, commission=Decimal("0.01"))
        case 3 | 4 | 5:
            return trade(Kind.SELL, symbol, quantity, price)
        case 6:
            return trade(Kind.DIVIDEND, symbol, quantity, price)
        case _:
            return Fields(dice.choice((Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.FEE)), price=Decimal(price))


async def insist(ledger: LedgerClient, asked: Command, told: Told, dice: random.Random) -> None:
    """Send a command until it is answered; now and then as the stream would have it after it forgot the first time."""
    while asked.id not in told.answers:
        told.sent[asked.id] += 1
        message_id = str(uuid4()) if told.sent[asked.id] > 1 and dice.random() < 0.5 else ""
        with contextlib.suppress(NatsError, TimeoutError):
            told.note(asked.id, await ledger.ask(asked, PATIENCE_S, message_id))
            return
        await asyncio.sleep(0.05)


async def write(ledger: LedgerClient, user: UUID, portfolio: UUID, told: Told, dice: random.Random) -> None:
    for _ in range(COMMANDS):
        asked = command(user, Record(portfolio, fields_of(dice)))
        await insist(ledger, asked, told, dice)
        if dice.random() < 0.1:  # impatient: once more, though it was answered
            with contextlib.suppress(NatsError, TimeoutError):
                told.note(asked.id, await ledger.ask(asked, PATIENCE_S, str(uuid4())))
        await asyncio.sleep(dice.choice((0.0, 0.0, 1.0, 3.0)))  # as people do; the faults take their time


async def harass(workers: list[PortfolioWorker], dice: random.Random, done: Counter[str]) -> None:
    """Kill a worker, or hold one up for longer than its lease, one after the other."""
    for _ in range(FAULTS):
        await asyncio.sleep(dice.uniform(0.3, 1.5))  # the moment is what is tried
        worker = dice.choice(workers)
        if dice.random() < 0.6:
            worker.kill()
            await worker.exited()
            await worker.start()
            done["workers killed"] += 1
        else:
            worker.kill(signal.SIGSTOP)
            try:
                await asyncio.sleep(dice.uniform(0.5, 1.5))
            finally:
                worker.kill(signal.SIGCONT)
            done["workers held up"] += 1


async def break_servers(nats: NatsServer, postgres: PostgresServer, dice: random.Random, done: Counter[str]) -> None:
    """Kill each server once and stop it in order once, in any sequence."""
    turns = [(nats, True), (nats, False), (postgres, True), (postgres, False)]
    dice.shuffle(turns)
    for server, is_killed in turns:
        await asyncio.sleep(dice.uniform(0.5, 2.0))  # the moment is what is tried
        if is_killed:
            server.kill()
            await server.exited()
            await server.start()
        else:
            await server.restart()
        done["servers killed" if is_killed else "servers restarted"] += 1


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_is_killed_every_accepted_command_is_there_once(
    seed: int,
    nats_server: NatsServer,
    postgres_server: PostgresServer,
    database_url: str,
    tmp_path: Path,
    report: Report,
) -> None:
    dice = random.Random(seed)
    await asyncio.to_thread(migrate, database_url)
    workers = [
        PortfolioWorker(tmp_path, nats_server.url, database_url, member, partitions=PARTITIONS)
        for member in ("first", "second")
    ]
    told, done, user = Told(), Counter[str](), uuid4()
    async with ledger_client(nats_server.url, PARTITIONS) as ledger:
        await ensure(ledger.js, declared(MeshSettings(nats_url="unused")))
        for worker in workers:
            await worker.start()
        try:
            portfolio = await ledger.open_portfolio(user)
            harassing = asyncio.create_task(harass(workers, random.Random(seed + 1), done))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(break_servers(nats_server, postgres_server, dice, done))
                for number in range(CLIENTS):
                    tasks.create_task(write(ledger, user, portfolio, told, random.Random(seed * CLIENTS + number)))
            harassing.cancel()
            await asyncio.gather(harassing, return_exceptions=True)
            tables = await tables_at_the_end(database_url, ledger.js, PARTITIONS)
            stream = await read_commands(ledger.js)
        finally:
            for worker in workers:
                await worker.stop()
    for worker in workers:
        assert "Traceback" not in worker.said, worker.said[-5000:]
    accepted = {UUID(str(answer.body["id"])) for answer in told.answers.values() if answer.status == 201}
    applied = Counter(row["id"] for row in tables["transactions"])
    lost, duplicated = accepted - applied.keys(), applied.total() - len(accepted)
    report(
        f"portfolios, seed {seed}: {CLIENTS} clients; {', '.join(f'{what} {count}' for what, count in done.items())}; "
        f"attempted {len(told.sent)} commands, sent {told.sent.total()} times and on the stream {len(stream)} times; "
        f"accepted {len(accepted)}, applied {len(applied)}, lost {len(lost)}, duplicated {duplicated}"
    )
    assert done["workers killed"] >= 2
    assert len(told.answers) == len(told.sent) == CLIENTS * COMMANDS
    assert (lost, duplicated, told.changed) == (set(), 0, [])
    assert differences(tables, stream) == []
    assert len(accepted) > 100
