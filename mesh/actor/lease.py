"""Leases: one owner for each partition, and a fence that rises with every owner, for ever.

A lease is a value in the bucket LEASES that its owner keeps changing by compare-and-set. Whoever sees it unchanged for
`lease_s` of its own clock may take it. Clocks are never compared, and a lease that was wrongly taken does no harm: what
an owner writes carries its fence, and a lower fence than the highest seen is refused.

The value also names the newest checkpoint, so that whoever takes a partition over begins where its owner was safe.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

import msgspec
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import KeyDeletedError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from mesh.streams import LEASES

_logger = logging.getLogger(__name__)

_REVISION_BITS = 31
_POLL_S = 0.2
_RENEWALS = 5  # in the time after which a lease may be taken
_SURE = 0.9  # of the time: clocks of two machines may run apart
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine is suspended, where it can


class LeaseLostError(Exception):
    """Another owner has the partition; whatever this one still does is refused."""


class LeaseValue(msgspec.Struct, frozen=True):
    """What is stored. `object` names the newest checkpoint, `sequence` what it includes; empty and 0: there is none."""

    owner: str  # empty: given up
    fence: int
    object: str = ""
    sequence: int = 0
    schema: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    value: LeaseValue | None
    revision: int


class Lease:
    """A partition's lease while it is held."""

    def __init__(
        self, bucket: KeyValue, key: str, value: LeaseValue, revision: int, lease_s: float, asked_s: float
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._revision = revision
        self._lease_s = lease_s
        self._lock = asyncio.Lock()
        self.value = value
        self._is_ours = True
        self._is_given_up = False
        self._held_until_s = asked_s + _SURE * lease_s

    def is_held(self) -> bool:
        """Tell whether nobody else can have the partition yet: what was renewed so long ago may have been taken."""
        return self._is_ours and _now_s() < self._held_until_s

    async def renew_for_ever(self) -> None:
        """Renew while the task lives; raises LeaseLostError where another has it. NATS may be away meanwhile."""
        while True:
            await asyncio.sleep(self._lease_s / _RENEWALS)
            try:
                await self._write(self.value)
            except (NatsError, TimeoutError) as error:
                _logger.debug("%s: not renewed: %s", self._key, str(error) or type(error).__name__)

    async def record(self, name: str, sequence: int, schema: int) -> None:
        """Name a checkpoint that is stored whole; raises LeaseLostError, NatsError or TimeoutError."""
        await self._write(replace_value(self.value, object=name, sequence=sequence, schema=schema))

    async def give_up(self) -> None:
        """Let the next owner begin at once, which may be before the answer comes."""
        self._is_ours, self._is_given_up = False, True
        await self._write(replace_value(self.value, owner=""))

    async def _write(self, value: LeaseValue) -> None:
        async with self._lock:
            if self._is_given_up and value.owner:
                return  # a renewal that waited must not take it back
            # What a renewal and a checkpoint set differs: the one that waited must not undo the other.
            if value.sequence < self.value.sequence:
                value = replace_value(
                    value, object=self.value.object, sequence=self.value.sequence, schema=self.value.schema
                )
            data = msgspec.msgpack.encode(value)
            asked_s = _now_s()
            try:
                self._revision = await self._bucket.update(self._key, data, last=self._revision)
            except KeyWrongLastSequenceError:
                # An attempt of ours whose answer was lost may have succeeded: the fence tells whose the value is.
                seen = await _read(self._bucket, self._key)
                if seen.value is None or (seen.value.owner, seen.value.fence) != (self.value.owner, self.value.fence):
                    self._is_ours = False
                    raise LeaseLostError(f"{self._key} has another owner") from None
                self._revision = await self._bucket.update(self._key, data, last=seen.revision)
            self.value = value
            self._held_until_s = asked_s + _SURE * self._lease_s


class Leases:
    """Takes the leases of one kind of worker for one member."""

    def __init__(self, bucket: KeyValue, kind: str, member: str, epoch_s: int, lease_s: float) -> None:
        self._bucket = bucket
        self._kind = kind
        self._member = member
        self._epoch_s = epoch_s  # another where the bucket was lost: fences rise all the same
        self._lease_s = lease_s

    @classmethod
    async def open(cls, js: JetStreamContext, kind: str, member: str, lease_s: float) -> "Leases":
        """Open the declared bucket."""
        created = (await js.stream_info(f"KV_{LEASES}")).created
        epoch_s = int(created.timestamp()) if created is not None else 0
        return cls(await js.key_value(LEASES), kind, member, epoch_s, lease_s)

    async def take(self, partition: int) -> Lease:
        """Take a partition's lease; waits while its owner renews it."""
        key = f"{self._kind}.{partition}"
        loop = asyncio.get_running_loop()
        seen, since_s = _Seen(None, -1), 0.0
        while True:
            try:
                newest = await _read(self._bucket, key)
                if newest.revision != seen.revision:
                    seen, since_s = newest, loop.time()
                is_free = newest.value is None or not newest.value.owner or loop.time() - since_s >= self._lease_s
                if is_free and (lease := await self._claim(key, newest)) is not None:
                    return lease
            except (NatsError, TimeoutError) as error:
                _logger.debug("%s: not taken: %s", key, str(error) or type(error).__name__)
            await asyncio.sleep(_POLL_S)

    async def _claim(self, key: str, seen: _Seen) -> Lease | None:
        # Of all that would replace one revision a single one succeeds, so no two owners have the same fence.
        fence = self._epoch_s << _REVISION_BITS | seen.revision + 1
        value = replace_value(seen.value or LeaseValue("", 0), owner=self._member, fence=fence)
        asked_s = _now_s()
        try:
            revision = await self._bucket.update(key, msgspec.msgpack.encode(value), last=seen.revision)
        except KeyWrongLastSequenceError:
            return None
        return Lease(self._bucket, key, value, revision, self._lease_s, asked_s)


def replace_value(value: LeaseValue, **changes: str | int) -> LeaseValue:
    """Give the value with some fields changed."""
    return msgspec.structs.replace(value, **changes)


def _now_s() -> float:
    return time.clock_gettime(_CLOCK)


async def _read(bucket: KeyValue, key: str) -> _Seen:
    try:
        entry = await bucket.get(key)
    except KeyDeletedError as error:
        return _Seen(None, error.entry.revision or 0)
    except KeyNotFoundError:
        return _Seen(None, 0)
    return _Seen(msgspec.msgpack.decode(entry.value or b"", type=LeaseValue), entry.revision or 0)
