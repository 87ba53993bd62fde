"""All actors of a process: who is there, which partitions are ours, one task for each of them."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from mesh.actor.assignment import assign
from mesh.actor.lease import LeaseLostError, Leases
from mesh.actor.members import RENEW_S, Members
from mesh.actor.outbox import FencedError
from mesh.actor.protocols import Shell
from mesh.actor.runtime import Actor, ActorRules
from mesh.connection import Connection

_logger = logging.getLogger(__name__)

_LOOK_S = 1.0


class ActorHost:
    """Runs the actors of one member; `actors` are those of the partitions that are its own, or about to be."""

    def __init__(
        self,
        client: Connection,
        js: JetStreamContext,
        member: str,
        partitions: int,
        shell: Shell[Any],
        rules: ActorRules,
    ) -> None:
        self._client = client
        self._js = js
        self._member = member
        self._partitions = partitions
        self._shell = shell
        self._rules = rules
        self._members = Members(js, rules.kind, member)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.actors: dict[int, Actor] = {}
        client.on_reconnect(self._reconnected)

    async def run_with(self, **beside: Coroutine[Any, Any, None]) -> None:
        """Work until the task is cancelled; the actors end first, while what runs beside them, by name, still does."""
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(work, name=name) for name, work in beside.items()]
            actors = asyncio.create_task(self.run(), name="actors")
            try:
                await asyncio.shield(actors)
            finally:
                actors.cancel()
                await asyncio.gather(actors, return_exceptions=True)
                for task in others:
                    task.cancel()

    async def run(self) -> None:
        """Work until the task is cancelled; then give every partition up in order, within bounds."""
        leases = await Leases.open(self._js, self._rules.kind, self._member, self._rules.lease_s)
        renewing = asyncio.create_task(self._renew_for_ever())
        try:
            while True:
                mine = await self._mine()
                if mine is not None:
                    for partition in mine:
                        self._begin(leases, partition)
                    for partition in self.actors.keys() - set(mine):
                        self.actors[partition].stop()
                self._reap()
                await asyncio.sleep(_LOOK_S)
        finally:
            renewing.cancel()
            await self._end()

    async def _renew_for_ever(self) -> None:
        while True:
            with contextlib.suppress(NatsError, TimeoutError):  # while NATS is away nobody else is heard either
                await self._members.renew()
            await asyncio.sleep(RENEW_S)

    async def _mine(self) -> tuple[int, ...] | None:
        """List the partitions that are ours; None where that cannot be known now."""
        try:
            present = await self._members.present()
        except (NatsError, TimeoutError):
            return None
        return assign([*present, self._member], self._partitions)[self._member]

    def _begin(self, leases: Leases, partition: int) -> None:
        if partition in self._tasks:
            return
        actor = Actor(self._client, self._js, leases, self._shell, self._rules, partition)
        self.actors[partition] = actor
        self._tasks[partition] = asyncio.create_task(actor.run(), name=f"partition {partition}")

    def _reap(self) -> None:
        """Forget actors that ended, so that they begin anew where the partition is still ours.

        Raises what an actor died of, unless that is another owner: what nobody foresaw ends the process.
        """
        for partition, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[partition], self.actors[partition]
                try:
                    task.result()
                except* (LeaseLostError, FencedError) as lost:
                    _logger.warning("partition %d: %s", partition, lost.exceptions[0])

    async def _end(self) -> None:
        await self._members.leave()
        for actor in self.actors.values():
            actor.stop()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=self._rules.stop_s)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _reconnected(self) -> None:
        for actor in self.actors.values():
            actor.connection_lost()

    def totals(self) -> Mapping[str, float]:
        """Add up what the present actors did."""
        figures = [actor.figures for actor in self.actors.values()]
        return {
            "messages": sum(each.messages for each in figures),
            "pending_messages": sum(each.pending for each in figures),
            "redelivered": sum(each.redelivered for each in figures),
            "lost_to_retention": sum(each.lost_to_retention for each in figures),
            "checkpoint_ms": max((each.checkpoint_ms for each in figures), default=0.0),
            "checkpoint_pause_ms": max((each.checkpoint_pause_ms for each in figures), default=0.0),
            "checkpoint_bytes": sum(each.checkpoint_bytes for each in figures),
            "tape_time_ns": min((each.tape_time_ns for each in figures if each.tape_time_ns), default=0),
        }
