"""One actor: the loop that owns one partition. Read, fold, show, hand over what has to last, checkpoint, acknowledge.

The state at a position is a function of the tape up to there. A checkpoint counts only once every effect of the tape
before it is durable, so whoever takes over from it makes all effects behind it again, and the store recognises those
that it has.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from mesh.actor.checkpoints import Checkpoints
from mesh.actor.figures import ActorFigures
from mesh.actor.lease import Lease, Leases
from mesh.actor.protocols import Core, Frozen, Shell, StateError, Step
from mesh.actor.reader import Mark, PartitionReader
from mesh.bulk_client import BulkClient
from mesh.specs import ConsumerSpec

_logger = logging.getLogger(__name__)

_ACK_WAIT_S = 300.0
_MAX_ACK_PENDING = 65_536
_ACK_SOON = _MAX_ACK_PENDING // 2
_INACTIVE_S = 3600.0
_TAKE_BYTES = 16 << 20
_IDLE_S = 1.0
_NS_PER_S = 1e9
_LOAD_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class ActorRules:
    """How actors behave: the kind's name, the stream they read by partition, and their times."""

    kind: str
    stream: str
    subject: Callable[[int], str]
    lease_s: float = 5.0
    checkpoint_s: float = 10.0  # of ours, or
    checkpoint_tape_s: float = 30.0  # of the tape's time, which passes faster while catching up
    stop_s: float = 3.0
    gather_s: float = 0.0  # between two takes where the reader is not behind


class Actor:
    """The owner, or the owner to be, of one partition."""

    def __init__(
        self,
        client: BulkClient,
        js: JetStreamContext,
        leases: Leases,
        shell: Shell[Any],
        rules: ActorRules,
        partition: int,
    ) -> None:
        self._client = client
        self._js = js
        self._leases = leases
        self._shell = shell
        self._rules = rules
        self._partition = partition
        self._stopping = asyncio.Event()
        self._reader: PartitionReader | None = None
        self._checkpoints: Checkpoints
        self._checkpointing: asyncio.Task[None] | None = None
        self._saved_at_s = 0.0
        self._saved_tape_ns = 0
        self._unsaved = 0  # messages that no checkpoint includes
        self.figures = ActorFigures()

    def connection_lost(self) -> None:
        """Hear that the connection is new."""
        if self._reader is not None:
            self._reader.connection_lost()

    def stop(self) -> None:
        """Give the partition up in order: `run` ends soon."""
        self._stopping.set()

    async def run(self) -> None:
        """Take the partition and work until `stop`, or until another owns it.

        Raises LeaseLostError or FencedError, alone or in a group, where another does.
        """
        lease = await self._taken()
        if lease is None:
            return
        async with asyncio.TaskGroup() as tasks:
            renewing = tasks.create_task(lease.renew_for_ever())
            try:
                await self._own(lease)
            finally:
                renewing.cancel()

    async def _taken(self) -> Lease | None:
        taking = asyncio.ensure_future(self._leases.take(self._partition))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((taking, stopping), return_when=asyncio.FIRST_COMPLETED)
            return taking.result() if taking.done() else None
        finally:
            taking.cancel()
            stopping.cancel()

    async def _own(self, lease: Lease) -> None:
        partition, fence = self._partition, lease.value.fence
        self._checkpoints = Checkpoints(self._js, f"{self._rules.kind}.{partition}", lease)
        core, position = await self._restored(lease)
        outbox = self._shell.outbox
        outbox.open(partition, fence, position)
        reader = PartitionReader(self._client, self._js, self._consumer(fence), position)
        self._reader = reader
        try:
            await self._remove_older(fence)
            await self._shell.opened(partition, core)
            _logger.info("partition %d from %d, fence %d", partition, position, fence)
            await self._work_beside(core, reader)
            await self._end(lease, core, reader)
        finally:
            if self._checkpointing is not None:
                self._checkpointing.cancel()
                await asyncio.gather(self._checkpointing, return_exceptions=True)
            await self._shell.closed(partition)
            outbox.close(partition)
            self._reader = None

    async def _restored(self, lease: Lease) -> tuple[Core, int]:
        """Build the core from the checkpoint; without one, checkpoint the state it begins with before anything else.

        What a core begins with may come from the store, where this worker writes: killed before its next checkpoint,
        it must not begin with its own results. Where the store itself says how far it is, there are no checkpoints.
        """
        if (stored := await self._shell.took(self._partition, lease)) is not None:
            return await self._shell.restore(self._partition, None), stored
        while True:
            try:
                await self._checkpoints.tidy()
                saved = await self._checkpoints.load()
                if saved is not None:
                    try:
                        return await self._shell.restore(self._partition, saved), lease.value.sequence
                    except StateError as error:
                        _logger.warning("partition %d begins anew: %s", self._partition, error)
                return await self._begun()
            except (NatsError, TimeoutError) as error:
                _logger.warning("partition %d waits: %s", self._partition, str(error) or type(error).__name__)
                await asyncio.sleep(_LOAD_RETRY_S)

    async def _begun(self) -> tuple[Core, int]:
        core = await self._shell.restore(self._partition, None)
        position = max(0, (await self._js.stream_info(self._rules.stream)).state.first_seq - 1)
        if (frozen := core.freeze()) is not None:
            await self._checkpoints.save(frozen.encode(), position, core.schema)
        return core, position

    def _consumer(self, fence: int) -> ConsumerSpec:
        """Declare the consumer of this fence: another owner's is another, and none has to be changed."""
        rules, partition = self._rules, self._partition
        return ConsumerSpec(
            rules.stream,
            f"{rules.kind}-{partition}-{fence}",
            rules.subject(partition),
            _ACK_WAIT_S,
            _MAX_ACK_PENDING,
            f"{rules.kind} worker, partition {partition}",
            ack_all=True,
            inactive_s=_INACTIVE_S,
            in_memory=True,
        )

    async def _remove_older(self, fence: int) -> None:
        prefix = f"{self._rules.kind}-{self._partition}-"
        with contextlib.suppress(NatsError, TimeoutError):  # the server removes those that nobody asks
            for info in await self._js.consumers_info(self._rules.stream):
                if info.name.startswith(prefix) and info.name != f"{prefix}{fence}":
                    await self._js.delete_consumer(self._rules.stream, info.name)

    async def _work_beside(self, core: Core, reader: PartitionReader) -> None:
        async with asyncio.TaskGroup() as tasks:
            beside = tasks.create_task(self._shell.beside(self._partition, core))
            try:
                await self._work(core, reader)
            finally:
                beside.cancel()

    async def _work(self, core: Core, reader: PartitionReader) -> None:
        self._saved_at_s = time.monotonic()
        while not self._stopping.is_set():
            await self._shell.outbox.room()
            deliveries = await reader.take(self._wait_s(core), _TAKE_BYTES)
            if deliveries:
                self.figures.messages += len(deliveries)
                self.figures.tape_time_ns = deliveries[-1].time_ns
                core.pending = reader.pending
                await self._follow(core, core.apply(deliveries, time.monotonic_ns()))
                self._unsaved += len(deliveries)
                self._saved_tape_ns = self._saved_tape_ns or deliveries[0].time_ns
            if core.wakes_at_ns is not None and core.wakes_at_ns <= time.monotonic_ns():
                await self._follow(core, core.timer(time.monotonic_ns()))
            if deliveries:
                self._shell.outbox.reached(self._partition, reader.position)
            self._count(reader)
            self._checkpoint_when_due(core, reader)
            # With nothing left behind them, the next messages may gather: a batch costs as much as thousands of rows.
            # What the core has to do in the meantime does not wait for that.
            may_gather = deliveries and not reader.pending
            await asyncio.sleep(min(self._rules.gather_s, self._wait_s(core)) if may_gather else 0)

    def _wait_s(self, core: Core) -> float:
        if core.wakes_at_ns is None:
            return _IDLE_S
        return min(_IDLE_S, max(0.0, (core.wakes_at_ns - time.monotonic_ns()) / _NS_PER_S))

    async def _follow(self, core: Core, step: Step) -> None:
        """Do what a step asks for, and the steps after its question."""
        while True:
            if step.live is not None:
                self._shell.publish_live(self._partition, step.live)
            if step.durable is not None:
                self._shell.outbox.put(self._partition, step.durable)
            if step.question is None:
                return
            step = await self._shell.answer(self._partition, core, step.question)

    def _count(self, reader: PartitionReader) -> None:
        figures = self.figures
        figures.redelivered, figures.lost_to_retention = reader.redelivered, reader.lost_to_retention
        figures.pending, figures.position = reader.pending, reader.position

    def _checkpoint_when_due(self, core: Core, reader: PartitionReader) -> None:
        if self._checkpointing is not None:
            if not self._checkpointing.done():
                return
            checkpointing, self._checkpointing = self._checkpointing, None
            checkpointing.result()  # raises where another owns the partition
        if self._unsaved and self._is_checkpoint_due():
            self._checkpointing = asyncio.create_task(self._checkpoint(core, reader))

    def _is_checkpoint_due(self) -> bool:
        tape_s = (self.figures.tape_time_ns - self._saved_tape_ns) / _NS_PER_S if self._saved_tape_ns else 0.0
        return (
            time.monotonic() - self._saved_at_s >= self._rules.checkpoint_s
            or tape_s >= self._rules.checkpoint_tape_s
            or self._unsaved >= _ACK_SOON
        )

    def _checkpoint(self, core: Core, reader: PartitionReader) -> Coroutine[None, None, None]:
        """Freeze the state at once, and give what remains to be done."""
        began_s = time.monotonic()
        frozen = core.freeze()
        self._saved_at_s, self._saved_tape_ns, self._unsaved = time.monotonic(), self.figures.tape_time_ns, 0
        self.figures.checkpoint_pause_ms = (self._saved_at_s - began_s) * 1e3
        return self._save(frozen, core.schema, reader, reader.position, reader.mark)

    async def _save(self, frozen: Frozen, schema: int, reader: PartitionReader, position: int, mark: Mark) -> None:
        began_s = time.monotonic()
        durable = asyncio.ensure_future(self._shell.outbox.durable(self._partition))
        try:
            data = b"" if frozen is None else await asyncio.to_thread(frozen.encode)
            await durable
            if frozen is not None:
                await self._checkpoints.save(data, position, schema)
            await reader.acknowledge(mark)
        except (NatsError, TimeoutError) as error:
            _logger.warning("partition %d: no checkpoint: %s", self._partition, str(error) or type(error).__name__)
            return
        finally:
            durable.cancel()
        self.figures.checkpoints += 1
        self.figures.checkpoint_bytes = len(data)
        self.figures.checkpoint_ms = (time.monotonic() - began_s) * 1e3

    async def _end(self, lease: Lease, core: Core, reader: PartitionReader) -> None:
        """Leave a checkpoint at the very end, so that the next owner has nothing to do again."""
        try:
            async with asyncio.timeout(self._rules.stop_s):
                if self._checkpointing is not None:
                    await self._checkpointing
                if self._unsaved:
                    await self._checkpoint(core, reader)
                await reader.close()
                await lease.give_up()
        except (NatsError, TimeoutError):
            _logger.warning("partition %d is given up without a last checkpoint", self._partition)
