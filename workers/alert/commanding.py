"""Commands of a partition: read beside the tape, decided between its ticks, answered once they last."""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from nats.errors import Error as NatsError

from market import subjects
from market.alerts.commands import Create
from market.answer import Answer
from mesh.actor.reader import PartitionReader
from mesh.alerts.messages import fired_message, told_of
from mesh.alerts.writes import Mark
from mesh.commands import UNWRITABLE, encode_answer
from mesh.connection import Connection
from mesh.pool import VALUE_ERRORS
from mesh.specs import ConsumerSpec
from mesh.streams import ALERTS
from workers.alert.decisions import Numbered, Outcomes, Rules, answers_to, decide_all, numbered
from workers.alert.owned import Owned
from workers.alert.prices import Prices
from workers.alert.transactions import Transactions

_logger = logging.getLogger(__name__)

MAX_COMMANDS = 200  # of a transaction
_TAKE_BYTES = 1 << 20
_WAIT_S = 1.0
_ACK_WAIT_S = 300.0
_MAX_ACK_PENDING = 65_536
_INACTIVE_S = 600.0


@dataclass(slots=True)
class Counts:
    """What a process did since it began."""

    commands: int = 0
    changed: int = 0
    repeated: int = 0
    unreadable: int = 0
    unwritable: int = 0


class Commanding:
    """Decides commands for all partitions of a process."""

    def __init__(self, client: Connection, transactions: Transactions, prices: Prices, rules: Rules) -> None:
        self._client = client
        self._transactions = transactions
        self._prices = prices
        self._rules = rules
        self._readers: set[PartitionReader] = set()
        self.counts = Counts()
        client.on_reconnect(self._reconnected)

    async def run(self, owned: Owned) -> None:
        """Decide the commands of a partition as they come, while the task lives. Raises FencedError."""
        reader = PartitionReader(self._client, self._client.jetstream(), _consumer(owned), owned.decided)
        self._readers.add(reader)
        try:
            while True:
                if deliveries := await reader.take(_WAIT_S, _TAKE_BYTES):
                    commands = [numbered(each) for each in deliveries]
                    for start in range(0, len(commands), MAX_COMMANDS):
                        await self._settle(owned, commands[start : start + MAX_COMMANDS])
                    with contextlib.suppress(NatsError):  # what is not acknowledged is passed over when it comes again
                        await reader.acknowledge(reader.mark)
        finally:
            self._readers.discard(reader)
            await reader.close()

    async def _settle(self, owned: Owned, commands: Sequence[Numbered]) -> None:
        """Decide commands, one by one where the tables do not take them together."""
        asked = [each.command.action for each in commands if each.command is not None]
        await self._prices.learn(owned.core, [each.instrument for each in asked if isinstance(each, Create)])
        try:
            await self._commit(owned, commands)
        except VALUE_ERRORS as error:  # all else is not a command's fault, and ends the process
            if len(commands) > 1:
                _logger.warning("commands are not taken together: %s", error)
                for each in commands:
                    await self._settle(owned, [each])
                return
            if commands[0].refusal is not None:
                raise
            _logger.exception("command %d cannot be written", commands[0].sequence)
            self.counts.unwritable += 1
            await self._commit(owned, [replace(commands[0], refusal=UNWRITABLE)])

    async def _commit(self, owned: Owned, commands: Sequence[Numbered]) -> None:
        core = owned.core
        async with core.lock:
            mark = Mark(owned.partition, owned.fence, core.revision + 1, core.evaluated, commands[-1].sequence)
            deciding = partial(decide_all, mark=mark, commands=commands, index=core.index, rules=self._rules)
            outcomes = await self._transactions.commit(mark, deciding)
            if outcomes is None:
                await owned.catch_up(self._transactions)
                answers = await self._transactions.ask(partial(answers_to, commands=commands))
            else:
                answers = outcomes.answers
                core.index.put([each.rule for each in outcomes.changes.alerts.values()])
                core.revision = mark.revision
                fired = [fired_message(each) for each in told_of(outcomes.changes.firings)]
                owned.teller.tell(mark.revision, fired, outcomes.changes.notices)
                self._count(outcomes)
        await self._reply(answers)
        await owned.teller.room()

    async def _reply(self, answers: Sequence[tuple[Numbered, Answer]]) -> None:
        with contextlib.suppress(NatsError):  # whoever waits in vain looks the answer up
            for each, answer in answers:
                if each.reply:
                    await self._client.publish(each.reply, encode_answer(answer))

    def _count(self, outcomes: Outcomes) -> None:
        counts = self.counts
        counts.commands += len(outcomes.answers)
        counts.changed += len(outcomes.changes.alerts)
        counts.repeated += len(outcomes.answers) - len(outcomes.changes.decided)
        counts.unreadable += sum(each.command is None for each, _ in outcomes.answers)

    async def _reconnected(self) -> None:
        for reader in self._readers:
            reader.connection_lost()


def _consumer(owned: Owned) -> ConsumerSpec:
    """Declare the consumer of this fence: another owner's is another, and the server removes those nobody asks."""
    return ConsumerSpec(
        ALERTS,
        f"alert-commands-{owned.partition}-{owned.fence}",
        subjects.alerts(owned.partition),
        _ACK_WAIT_S,
        _MAX_ACK_PENDING,
        f"alert worker, commands of partition {owned.partition}",
        ack_all=True,
        inactive_s=_INACTIVE_S,
        in_memory=True,
    )
