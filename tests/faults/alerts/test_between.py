"""The worker dies, or its connections, exactly between a commit, what it publishes of it, and the acknowledgement."""

import asyncio
import random
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from infra.local.servers import NatsServer
from infra.migrate import migrate
from market.alerts.commands import Create, IfTrue
from market.alerts.rule import Condition, Repeat
from tests.alert_check import compare, read_tape, tables_when_sent, until_evaluated
from tests.alert_tape import HIGH, LOW, STEP, MarketClock, TickMaker, write_ticks
from tests.alert_worker import AlertClient, AlertWorker, add_webhooks, alert_client, command
from tests.candle_tape import TapeWriter, last_of, open_tape
from tests.faults.conftest import Report
from tests.holding_proxy import HoldingProxy, holding_proxy
from tests.notify_receivers import receiving
from tests.notify_worker import NotifyWorker

pytestmark = pytest.mark.timeout(180)

PARTITIONS, INSTRUMENTS, RULES, ROWS = 1, 6, 200, 250  # rows at each moment
FIRED, NOTIFY, COMMIT = b"HPUB alert.fired.", b"HPUB notify.", b"COMMIT"


async def make_rules(client: AlertClient, tape: TapeWriter, channels: dict[UUID, UUID], clock: MarketClock) -> None:
    """Make a rule for each user: their limits leave most firings to be told."""
    dice = random.Random(1)

    async def make(user: UUID, channel: UUID) -> None:
        about = dice.choice(tape.instruments)
        rule = Create(
            str(about.key),
            int(about.number),
            dice.choice((Condition.ABOVE, Condition.BELOW)),
            dice.randrange(int(LOW / STEP), int(HIGH / STEP)) * STEP,
            repeat=dice.choice(list(Repeat)),
            channels=(channel,),
            if_true=IfTrue.WAIT,
        )
        answer = await client.ask(command(user, rule, clock.now), about)
        assert answer.status == 201, answer

    await asyncio.gather(*(make(*each) for each in channels.items()))


class Moment(NamedTuple):
    """Where traffic stops: before or behind the first of some bytes to a server; whether the worker is killed then."""

    proxy: HoldingProxy
    pattern: bytes
    is_passed_on: bool
    is_killed: bool

    async def come(self, worker: AlertWorker) -> None:
        """Wait for it, break what is to be broken, and let all go on."""
        async with asyncio.timeout(60):
            await self.proxy.caught.wait()
        if self.is_killed:
            worker.kill()
            await worker.exited()
        self.proxy.release()
        if self.is_killed:
            await worker.start()


def moments(nats: HoldingProxy, postgres: HoldingProxy) -> list[Moment]:
    """Kill the worker at each of them; where a commit's answer is lost, let it live as well."""
    servers = ((nats, FIRED, True), (nats, NOTIFY, True), (postgres, COMMIT, True), (postgres, COMMIT, False))
    return [
        Moment(proxy, pattern, is_passed_on, is_killed)
        for proxy, pattern, is_killed in servers
        for is_passed_on in (False, True)
    ]


async def test_the_worker_dies_between_commit_publication_and_acknowledgement(
    nats_server: NatsServer, database_url: str, tmp_path: Path, report: Report
) -> None:
    await asyncio.to_thread(migrate, database_url)
    clock = MarketClock()
    async with (
        holding_proxy(nats_server.url) as nats,
        holding_proxy(database_url) as postgres,
        receiving() as receiver,
        open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as tape,
        alert_client(nats_server.url, PARTITIONS) as client,
    ):
        channels = await add_webhooks(database_url, [uuid4() for _ in range(RULES)], receiver.url)
        worker = AlertWorker(tmp_path, nats.url, postgres.url, partitions=PARTITIONS)
        notify = NotifyWorker(tmp_path, nats_server.url, database_url, notify_forgotten_s=2)
        tried = moments(nats, postgres)
        events = TickMaker(5, tape.numbers).make(ROWS * (len(tried) + 1))
        try:
            await worker.start()
            await notify.start()
            await write_ticks(tape, events[:ROWS], 0.1, clock)
            await make_rules(client, tape, channels, clock)
            for number, moment in enumerate(tried, start=1):
                (moment.proxy.hold_after if moment.is_passed_on else moment.proxy.hold_before)(moment.pattern)
                await write_ticks(tape, events[number * ROWS : (number + 1) * ROWS], 0.3, clock)
                await moment.come(worker)
            await until_evaluated(database_url, client, tape.instruments, await last_of(client.js, PARTITIONS))
            tables = await tables_when_sent(database_url, client.js)
            recorded = await read_tape(client.js, PARTITIONS)
            found = await compare(client.js, tables, tape.instruments, recorded)
        finally:
            await worker.stop()
            await notify.stop()
    assert "Traceback" not in worker.said, worker.said[-5000:]
    report(
        f"alerts, at {len(tried)} exact moments: {found}; {len(tables['notifications'])} notifications, sent more than "
        f"once {receiver.accepted.total() - len(receiver.accepted)} times"
    )
    assert found.is_right, (found.missed[:5], found.surplus[:5], found.wrong[:5])
    assert receiver.accepted.keys() == {str(row["id"]) for row in tables["notifications"]}
    assert found.outcomes["sent"] > 100
