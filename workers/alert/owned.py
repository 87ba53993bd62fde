"""A partition as its owner has it."""

from dataclasses import dataclass
from functools import partial

from mesh.actor.protocols import StateError
from mesh.alerts.loading import changed_rules
from workers.alert.core import AlertCore
from workers.alert.teller import Teller
from workers.alert.transactions import Transactions


@dataclass(slots=True)
class Owned:
    """A partition that is owned under `fence`; commands up to `decided` have been."""

    partition: int
    fence: int
    decided: int
    core: AlertCore
    teller: Teller

    async def catch_up(self, transactions: Transactions) -> None:
        """Take from the tables what a transaction of ours wrote whose answer was lost; its lock must be held."""
        core = self.core
        after, until = core.revision, core.revision + 1
        reading = partial(changed_rules, partition=self.partition, after=after, until=until)
        written = await transactions.ask(reading)
        if written is None:
            raise StateError(f"partition {self.partition} has lost what revision {until} wrote")
        core.index.put(written)
        core.revision = until
        self.teller.look_up(core.revision)
