"""A partition of the ledger between the runtime and the tables: it keeps nothing, all that lasts is in Postgres."""

from collections.abc import Sequence

from mesh.actor.protocols import Step
from mesh.actor.reader import Delivery


class LedgerCore:
    """See `mesh.actor.protocols.Core`: deliveries are a question that the shell answers with one transaction."""

    schema = 0

    def __init__(self) -> None:
        self.pending = 0
        self.wakes_at_ns: int | None = None

    def apply(self, deliveries: Sequence[Delivery], now_ns: int) -> Step:
        """Ask to have commands decided."""
        return Step(question=deliveries)

    def timer(self, now_ns: int) -> Step:
        """Do nothing: time brings nothing about."""
        return Step()

    def freeze(self) -> None:
        """Give nothing: the tables hold it."""
