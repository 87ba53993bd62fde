"""What is on one partition of the tape now, read once from any place to its end, as fast as the server gives it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from market import subjects
from mesh.actor.pull import Pull, PullBrokenError
from mesh.actor.reader import Delivery, delivery_of
from mesh.bulk_client import BulkClient
from mesh.streams import TAPE

_WAIT_S = 1.0
_SILENT_WAITS = 10
_TAKE_BYTES = 16 << 20
_BATCH = 4096  # of one request, which costs the server milliseconds however little it asks for
_INACTIVE_S = 60.0


@dataclass(frozen=True, slots=True)
class TapeRange:
    """A partition's messages from the sequence `first` to `last`, stored at `start` or later, None for any time."""

    partition: int
    start: datetime | None
    last: int
    """The sequence of the newest message, 0 where there is none."""
    first: int = 1

    @classmethod
    async def up_to_now(cls, js: JetStreamContext, partition: int, start: datetime | None = None) -> "TapeRange":
        """Mean everything that is on the tape at this moment; raises NatsError or TimeoutError."""
        try:
            newest = await js.get_last_msg(TAPE, subjects.tape(partition))
        except NotFoundError:
            return cls(partition, start, 0)
        return cls(partition, start, newest.seq or 0)

    async def read(self, client: BulkClient, js: JetStreamContext) -> AsyncIterator[list[Delivery]]:
        """Give the messages in order, each once; raises NatsError or TimeoutError where the server stays silent."""
        position = self.first - 1
        while position < self.last:
            info = await js.add_consumer(TAPE, self._consumer(position))
            if not info.num_pending:
                return
            pull = Pull(client, TAPE, info.name, _BATCH)
            try:
                async for deliveries in _in_order(pull, self.last):
                    position = deliveries[-1].sequence
                    yield deliveries
            except PullBrokenError:
                continue  # from behind the position
            finally:
                await pull.close()
                await _forgotten(js, info.name)

    def _consumer(self, position: int) -> ConsumerConfig:
        policy, start = DeliverPolicy.ALL, None
        if position:
            policy = DeliverPolicy.BY_START_SEQUENCE
        elif self.start is not None:
            policy, start = DeliverPolicy.BY_START_TIME, self.start.isoformat()
        return ConsumerConfig(
            deliver_policy=policy,
            opt_start_seq=position + 1 if position else None,
            opt_start_time=start,  # type: ignore[arg-type]  # sent as it is
            ack_policy=AckPolicy.NONE,
            filter_subject=subjects.tape(self.partition),
            inactive_threshold=_INACTIVE_S,
            mem_storage=True,
        )


async def _in_order(pull: Pull, last: int) -> AsyncIterator[list[Delivery]]:
    """Give messages up to `last` ; ends early where one was lost on the way."""
    number, silent = 0, 0
    while True:
        messages = await pull.take(_WAIT_S, _TAKE_BYTES)
        silent = 0 if messages else silent + 1
        if silent == _SILENT_WAITS:
            raise TimeoutError("the tape does not go on")
        whole = [at for at, message in enumerate(messages) if message.number == number + 1 + at]
        number += len(whole)
        wanted = [delivery_of(message) for message in messages[: len(whole)] if message.sequence <= last]
        if wanted:
            yield wanted
        if len(whole) < len(messages) or (messages and messages[-1].sequence >= last):
            return


async def _forgotten(js: JetStreamContext, consumer: str) -> None:
    try:
        await js.delete_consumer(TAPE, consumer)
    except (NatsError, TimeoutError):
        return  # the server forgets it by itself
