"""A worker that is held up while another takes over and commits: it answers nobody with what it remembers."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from nats.aio.msg import Msg

from infra.local.servers import NatsServer
from infra.migrate import migrate
from market import subjects
from market.ledger.commands import Record
from market.ledger.transaction import Kind
from mesh.actor.lease import LeaseValue
from mesh.portfolio_now import NOT_FOUND, UNKNOWN_NOW, Asked
from mesh.settings import MeshSettings
from mesh.streams import LEASES, declared, ensure
from tests.faults.conftest import Report
from tests.integration.tape import until
from tests.portfolio_worker import LedgerClient, PortfolioWorker, command, ledger_client, trade

pytestmark = pytest.mark.timeout(120)

PARTITIONS, QUESTIONS = 1, 50
_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode


class Asker:
    """Asks for one portfolio, and hears every answer of every worker, late ones too."""

    def __init__(self, ledger: LedgerClient, user: UUID, portfolio: UUID) -> None:
        self._client = ledger.client
        self._question = _encode(Asked(user, portfolio))
        self._inbox = ledger.client.new_inbox()
        self.quantities: list[str] = []

    async def listen(self) -> None:
        async def heard(message: Msg) -> None:
            if message.data not in {NOT_FOUND, UNKNOWN_NOW}:
                held = msgspec.json.decode(message.data)["holdings"]
                self.quantities.append(held[0]["quantity"] if held else "0")

        await self._client.subscribe(self._inbox, cb=heard)

    async def ask(self, times: int) -> None:
        for _ in range(times):
            await self._client.publish(subjects.portfolio_now(0), self._question, reply=self._inbox)
        await self._client.flush()


async def owner_of(ledger: LedgerClient, workers: dict[str, PortfolioWorker]) -> PortfolioWorker:
    value = (await (await ledger.js.key_value(LEASES)).get("portfolio.0")).value or b""
    return workers[msgspec.msgpack.decode(value, type=LeaseValue).owner]


async def test_who_is_held_up_answers_nobody_with_what_it_remembers(
    nats_server: NatsServer, database_url: str, tmp_path: Path, report: Report
) -> None:
    await asyncio.to_thread(migrate, database_url)
    workers = {
        member: PortfolioWorker(tmp_path, nats_server.url, database_url, member, partitions=PARTITIONS)
        for member in ("first", "second")
    }
    async with ledger_client(nats_server.url, PARTITIONS) as ledger:
        await ensure(ledger.js, declared(MeshSettings(nats_url="unused")))
        user = uuid4()
        buy = trade(Kind.BUY, "XNAS:AAPL", "1", "1")
        try:
            for each in workers.values():
                await each.start()
            portfolio = await ledger.open_portfolio(user)
            assert (await ledger.record(user, portfolio, buy)).status == 201
            asker = Asker(ledger, user, portfolio)
            await asker.listen()
            await asker.ask(1)
            await until(lambda: asker.quantities == ["1"])
            held_up = await owner_of(ledger, workers)
            held_up.kill(signal.SIGSTOP)
            answer = await ledger.ask(command(user, Record(portfolio, buy)), within_s=60)
            assert answer.status == 201  # another has taken over
            assert await owner_of(ledger, workers) is not held_up
            asker.quantities.clear()
            await asker.ask(QUESTIONS)  # the first that it reads when it wakes
            await until(lambda: len(asker.quantities) == QUESTIONS)
            held_up.kill(signal.SIGCONT)
            await until(lambda: "has another owner" in held_up.said)
            await asker.ask(QUESTIONS)
            await until(lambda: len(asker.quantities) >= 2 * QUESTIONS)
        finally:
            for each in workers.values():
                each.kill(signal.SIGCONT)
                await each.stop()
    report(
        f"{len(asker.quantities)} answers of two workers, one of which was held up while the ledger changed: "
        f"{sum(each != '2' for each in asker.quantities)} with what it held before"
    )
    assert set(asker.quantities) == {"2"}
