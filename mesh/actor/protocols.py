"""What a worker brings along: a core that folds deliveries, and a shell that does its I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mesh.actor.lease import Lease
from mesh.actor.outbox import Outbox
from mesh.actor.reader import Delivery

# Of the worker's own kind; the runtime only passes them on.
Durable = Any
Live = Any
Question = Any


class Encodable(Protocol):
    """A state as it was at one moment; `encode` may take long and is called in a thread."""

    def encode(self) -> bytes:
        """Give the bytes that `Shell.restore` understands."""
        ...


Frozen = Encodable | None
"""A state to be checkpointed; None: the worker's store holds it, and how far it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """What came of something: effects to keep, effects to show, a question that has to be answered first."""

    durable: Durable = None
    live: Live = None
    question: Question = None


class Core(Protocol):
    """One partition's state and rules. Pure: no clock, no I/O; the same deliveries in any batching, the same state."""

    schema: int
    """The form of the states that it freezes."""
    pending: int
    """How many messages wait behind those given to `apply`. The runtime sets it; nothing that lasts may hang on it."""
    wakes_at_ns: int | None
    """When `timer` has something to do, on the runtime's steady clock."""

    def apply(self, deliveries: Sequence[Delivery], now_ns: int) -> Step:
        """Fold in deliveries. A step with a question is followed by the shell's answer before anything else."""
        ...

    def timer(self, now_ns: int) -> Step:
        """Do what time alone brings about; it must not change what `freeze` gives."""
        ...

    def freeze(self) -> Frozen:
        """Copy the state; fast."""
        ...


CoreT = TypeVar("CoreT", bound=Core)


class Shell(Protocol[CoreT]):
    """The worker's own I/O, for all partitions of the process."""

    outbox: Outbox[Durable]

    async def took(self, partition: int, lease: Lease) -> int | None:
        """Hear that this process has the lease, before anything of the partition is read.

        Gives the position that the worker's store is at; None where checkpoints say it. Raises FencedError.
        """
        ...

    async def restore(self, partition: int, saved: bytes | None) -> CoreT:
        """Build a partition's core from a saved state, or without; raises StateError for one that it cannot read."""
        ...

    async def answer(self, partition: int, core: CoreT, question: Question) -> Step:
        """Answer a core's question and let it go on."""
        ...

    def publish_live(self, partition: int, live: Live) -> None:
        """Show what changed; best effort, never waits."""
        ...

    async def opened(self, partition: int, core: CoreT) -> None:
        """Hear that this process owns the partition now."""
        ...

    async def beside(self, partition: int, core: CoreT) -> None:
        """Work beside the reading of an opened partition until that ends; what this raises ends the actor.

        May return at once, where there is nothing to do.
        """
        ...

    async def closed(self, partition: int) -> None:
        """Hear that it does not any more."""
        ...


class StateError(Exception):
    """A saved state cannot be read by this version."""
