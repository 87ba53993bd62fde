"""The channels of users in Postgres: where they want to be told, and whether the address is theirs.

unverified ──code, answer, subscription──▶ verified ◀──a success──┐
                                              └──gone for good──▶ broken
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from mesh.notify.kinds import Kind
from mesh.notify.outgoing import Outgoing, queue
from mesh.pool import Connection, Pool

MAX_CHANNELS = 20
MAX_ATTEMPTS = 5  # to type a code
CONNECTIONS = 2
WITHIN_S = 5.0

_FIELDS = "id, kind, name, address, state, created_at, verified_at, last_error"
_OF_USER = f"SELECT {_FIELDS} FROM alert_channels WHERE user_id = $1 ORDER BY created_at, id"  # noqa: S608  # no value
_ONE = f"SELECT {_FIELDS} FROM alert_channels WHERE id = $1 AND user_id = $2"  # noqa: S608  # no value is in it
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('channels ' || $1::uuid::text, 0))"
_MOVE = "DELETE FROM alert_channels WHERE kind = $1 AND address = $2 AND user_id <> $3"
_ADD = """
    INSERT INTO alert_channels
        (id, user_id, kind, name, address, settings, secret, state, code_hash, code_expires_at, created_at, verified_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_SET = "UPDATE alert_channels SET settings = $2, state = 'verified', last_error = '' WHERE id = $1"
_NEW_CODE = """
    UPDATE alert_channels SET code_hash = $3, code_expires_at = $4, code_attempts = 0, last_error = ''
    WHERE id = $1 AND user_id = $2 AND state = 'unverified'
"""
_CODE = """
    SELECT kind, state, code_hash, code_expires_at > now() AS is_open, code_attempts
    FROM alert_channels WHERE id = $1 AND user_id = $2 FOR UPDATE
"""
_TRIED = "UPDATE alert_channels SET code_attempts = code_attempts + 1 WHERE id = $1"
_VERIFY = "UPDATE alert_channels SET state = 'verified', verified_at = now(), code_hash = NULL WHERE id = $1"
_REMOVE = "DELETE FROM alert_channels WHERE id = $1 AND user_id = $2"
_PUBLISHED = "UPDATE notifications SET published = true WHERE id = $1"
_TEST = """
    SELECT state, attempts, last_error FROM notifications
    WHERE id = $1 AND channel_id = $2 AND user_id = $3 AND firing_id IS NULL
"""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class UserChannel:
    """A way out as its user sees it; `state` is unverified, verified or broken.

    `last_error` is what stood against the last message that was sent there, empty once one was taken.
    """

    id: UUID
    kind: Kind
    name: str
    address: str
    state: str
    created_at: datetime
    verified_at: datetime | None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel to add: `settings` are a push subscription's keys, `secret` signs a webhook's calls."""

    channel: UserChannel
    user: UUID
    settings: dict[str, str]
    secret: str = ""
    code_hash: bytes | None = None
    code_expires_at: datetime | None = None


class Verdict(Enum):
    """What came of a code."""

    VERIFIED = auto()
    WRONG = auto()
    SPENT = auto()
    """It is out of date, or was tried too often."""
    NO_CODE = auto()
    """Codes are not how it is verified."""
    ALREADY = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Sending:
    """How far a notification is: queued, sent, failed (it is tried again) or dead."""

    state: str
    attempts: int
    error: str


class ChannelStore:
    """Reads and writes channels. Every method raises PostgresAway where Postgres does not answer in time."""

    def __init__(self, dsn: str, connections: int = CONNECTIONS) -> None:
        self._pool = Pool(dsn, connections, "tickmesh-channels")

    async def close(self) -> None:
        """Give back the connections."""
        await self._pool.close()

    async def of_user(self, user: UUID) -> list[UserChannel]:
        """List a user's channels, oldest first."""
        return [_channel_of(row) for row in await self._ask(lambda connection: connection.fetch(_OF_USER, user))]

    async def one(self, channel: UUID, user: UUID) -> UserChannel | None:
        """Read one channel; None where it is not the user's."""
        row = await self._ask(lambda connection: connection.fetchrow(_ONE, channel, user))
        return None if row is None else _channel_of(row)

    async def add(self, new: NewChannel, first: Outgoing | None) -> UserChannel | None:
        """Add a channel, with what is to be sent by it first; give the one that has this address from now on.

        That is another one where the user had it before, and None where the user has too many. A push subscription is a
        browser's: it is taken from whoever had it, and one that comes again brings its new keys.
        """
        added = new.channel

        async def add(connection: Connection) -> UserChannel | None:
            async with connection.transaction():
                await connection.execute(_LOCK, new.user)
                present = [_channel_of(row) for row in await connection.fetch(_OF_USER, new.user)]
                for old in present:
                    if (old.kind, old.address) == (added.kind, added.address):
                        if added.kind is Kind.WEBPUSH:
                            await connection.execute(_SET, old.id, msgspec.json.encode(new.settings).decode())
                        return old
                if len(present) >= MAX_CHANNELS:
                    return None
                if added.kind is Kind.WEBPUSH:
                    await connection.execute(_MOVE, added.kind, added.address, new.user)
                await connection.execute(_ADD, *_values(new))
                if first is not None:
                    await queue(connection, first)
            return added

        return await self._ask(add)

    async def queue(self, outgoing: Outgoing) -> None:
        """Write down a notification that has no cause but the user's wish."""

        async def write(connection: Connection) -> None:
            await queue(connection, outgoing)

        await self._ask(write)

    async def new_code(self, code_hash: bytes | None, expires_at: datetime | None, outgoing: Outgoing) -> bool:
        """Give a channel that is not verified another code; tell whether there is such a channel."""

        async def write(connection: Connection) -> bool:
            async with connection.transaction():
                done = await connection.execute(_NEW_CODE, outgoing.channel_id, outgoing.user, code_hash, expires_at)
                if done != "UPDATE 1":
                    return False
                await queue(connection, outgoing)
            return True

        return await self._ask(write)

    async def verify(self, channel: UUID, user: UUID, code_hash: bytes) -> tuple[Verdict, int]:
        """Try a code on a channel; tell what came of it, and how often another may be tried."""

        async def verify(connection: Connection) -> tuple[Verdict, int]:
            async with connection.transaction():
                row = await connection.fetchrow(_CODE, channel, user)
                if row is None:
                    return Verdict.UNKNOWN, 0
                if row["state"] != "unverified":
                    return Verdict.ALREADY, 0
                if row["kind"] == Kind.WEBHOOK:
                    return Verdict.NO_CODE, 0
                left = MAX_ATTEMPTS - row["code_attempts"]
                if row["code_hash"] is None or not row["is_open"] or left <= 0:
                    return Verdict.SPENT, 0
                if row["code_hash"] != code_hash:
                    await connection.execute(_TRIED, channel)
                    return Verdict.WRONG, left - 1
                await connection.execute(_VERIFY, channel)
                return Verdict.VERIFIED, 0

        return await self._ask(verify)

    async def remove(self, channel: UUID, user: UUID) -> bool:
        """Forget a channel; tell whether there was one."""
        done = await self._ask(lambda connection: connection.execute(_REMOVE, channel, user))
        return bool(done == "DELETE 1")

    async def published(self, notification: UUID) -> None:
        """Write down that a notification is on NOTIFY."""
        await self._ask(lambda connection: connection.execute(_PUBLISHED, notification))

    async def sending(self, notification: UUID, channel: UUID, user: UUID) -> Sending | None:
        """Tell how far a test is; None where there is none."""
        row = await self._ask(lambda connection: connection.fetchrow(_TEST, notification, channel, user))
        return None if row is None else Sending(row["state"], row["attempts"], row["last_error"])

    async def _ask(self, ask: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self._pool.lend(WITHIN_S) as connection:
            return await ask(connection)


def _channel_of(row: Any) -> UserChannel:  # noqa: ANN401  # asyncpg ships no annotations
    values = dict(row)
    return UserChannel(kind=Kind(values.pop("kind")), **values)


def _values(new: NewChannel) -> Sequence[object]:
    channel = new.channel
    return (
        channel.id,
        new.user,
        channel.kind,
        channel.name,
        channel.address,
        msgspec.json.encode(new.settings).decode(),
        new.secret,
        channel.state,
        new.code_hash,
        new.code_expires_at,
        channel.created_at,
        channel.verified_at,
    )
