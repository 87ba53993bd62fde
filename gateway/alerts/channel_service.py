"""Channels: added, proved to be the user's by what is sent there, tried, and removed."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from gateway.accounts.limiter import AttemptLimiter
from gateway.alerts.channel_requests import Destination, unknown_channel
from gateway.alerts.reader import within
from gateway.problems import Problem, retry_after
from mesh.notify.bodies import Body, Challenge, Code, Probe
from mesh.notify.channels import MAX_CHANNELS, ChannelStore, NewChannel, Sending, UserChannel, Verdict
from mesh.notify.kinds import Kind
from mesh.notify.outgoing import Outgoing, publish
from mesh.notify.signatures import new_secret
from mesh.pool import PostgresAway

CODE_LIFETIME = timedelta(minutes=10)
_DIGITS = 6
# Messages that a user may have sent by wish, and that an address may be sent by whomever.
_USER_BURST, _USER_REFILL_S = 10, 60.0
_ADDRESS_BURST, _ADDRESS_REFILL_S = 3, 300.0
_MAX_KEYS = 100_000
_UNVERIFIED, _VERIFIED = "unverified", "verified"


class ChannelService:
    """What users do with channels. All methods raise Problem; `now_s` is seconds of a clock that never goes back."""

    def __init__(self, store: ChannelStore, js: JetStreamContext, now_s: Callable[[], float]) -> None:
        self._store = store
        self._js = js
        self._now_s = now_s
        self._by_user = AttemptLimiter(_USER_BURST, _USER_REFILL_S, _MAX_KEYS)
        self._by_address = AttemptLimiter(_ADDRESS_BURST, _ADDRESS_REFILL_S, _MAX_KEYS)

    async def of_user(self, user: UUID) -> list[UserChannel]:
        """List a user's channels, oldest first."""
        return await within(self._store.of_user(user))

    async def one(self, user: UUID, channel: UUID) -> UserChannel:
        """Give one channel."""
        found = await within(self._store.one(channel, user))
        if found is None:
            raise unknown_channel()
        return found

    async def add(self, user: UUID, to: Destination) -> tuple[UserChannel, str]:
        """Add a channel, and send what proves that it is the user's; give it with the secret of a webhook."""
        is_proved = to.kind is Kind.WEBPUSH  # only the browser itself can have had the subscription
        if not is_proved:
            self._count(user, to.address)
        now = datetime.now(UTC)
        state, verified_at = (_VERIFIED, now) if is_proved else (_UNVERIFIED, None)
        channel = UserChannel(uuid4(), to.kind, to.name, to.address, state, now, verified_at)
        secret = new_secret() if to.kind is Kind.WEBHOOK else ""
        code_hash, expires_at, body = _proof(channel, now)
        new = NewChannel(channel, user, to.settings, secret, code_hash, expires_at)
        first = None if is_proved else _outgoing(user, channel, body)
        added = await within(self._store.add(new, first))
        if first is not None and (added is None or added.id != channel.id):
            self._by_address.give_back(to.address.lower())  # nothing was sent there
        if added is None:
            detail = f"there are {MAX_CHANNELS} channels; the limit is {MAX_CHANNELS}"
            raise Problem(409, "too_many_channels", detail, maximum=MAX_CHANNELS)
        if added.id != channel.id and not is_proved:
            detail = f"{added.name} has this address already"
            raise Problem(409, "channel_exists", detail, field="address", channel=str(added.id))
        if first is not None:
            await self._send(first)
        return added, secret

    async def send_code(self, user: UUID, channel: UUID) -> None:
        """Send another code, or the challenge again, by a channel that is not verified yet."""
        found = await self.one(user, channel)
        if found.state != _UNVERIFIED:
            raise already_verified()
        self._count(user, found.address)
        code_hash, expires_at, body = _proof(found, datetime.now(UTC))
        outgoing = _outgoing(user, found, body)
        if not await within(self._store.new_code(code_hash, expires_at, outgoing)):
            raise already_verified()
        await self._send(outgoing)

    async def verify(self, user: UUID, channel: UUID, code: str) -> UserChannel:
        """Take a channel for the user's if the code is the one that was sent there."""
        verdict, left = await within(self._store.verify(channel, user, _hash(channel, code)))
        match verdict:
            case Verdict.UNKNOWN:
                raise unknown_channel()
            case Verdict.ALREADY:
                raise already_verified()
            case Verdict.NO_CODE:
                detail = "a webhook has no codes: it is verified by its answer to the challenge that it was sent"
                raise Problem(409, "verified_by_challenge", detail)
            case Verdict.SPENT:
                detail = "no code is open: it was tried too often, or is older than 10 minutes; have another one sent"
                raise Problem(409, "code_spent", detail, field="code")
            case Verdict.WRONG:
                detail = f"code: it is another one; {left} more may be tried"
                raise Problem(422, "wrong_code", detail, field="code", attempts_left=left)
        return await self.one(user, channel)

    async def test(self, user: UUID, channel: UUID) -> UUID:
        """Send a test by a channel; give its id."""
        found = await self.one(user, channel)
        if found.state == _UNVERIFIED:
            raise Problem(409, "unverified_channel", f"{found.name} is not verified yet")
        # A browser's subscription was never proved: its address may be a stranger's.
        is_own = found.state == _VERIFIED and found.kind is not Kind.WEBPUSH
        self._count(user, None if is_own else found.address)
        outgoing = _outgoing(user, found, Probe())
        await within(self._store.queue(outgoing))
        await self._send(outgoing)
        return outgoing.id

    async def tested(self, user: UUID, channel: UUID, test: UUID) -> Sending:
        """Say how a test went."""
        found = await within(self._store.sending(test, channel, user))
        if found is None:
            raise unknown_test()
        return found

    async def remove(self, user: UUID, channel: UUID) -> None:
        """Forget a channel."""
        if not await within(self._store.remove(channel, user)):
            raise unknown_channel()

    def _count(self, user: UUID, address: str | None) -> None:
        """Count a message that somebody has sent by wish; raises Problem where it is one too many.

        `address` is None for the user's own: only those of strangers are guarded.
        """
        now_s = self._now_s()
        wait_s = self._by_user.take(str(user), now_s)
        if not wait_s and address is not None:
            wait_s = self._by_address.take(address.lower(), now_s)
        if wait_s:
            detail = f"too many messages were sent on request; the next one may be in {wait_s:.0f} s"
            raise Problem(429, "too_many_attempts", detail, headers=retry_after(wait_s))

    async def _send(self, outgoing: Outgoing) -> None:
        """Say on NOTIFY that a notification is there; where that fails, its row is found a little later."""
        try:
            await publish(self._js, outgoing.order)
            await self._store.published(outgoing.id)
        except (NatsError, TimeoutError, PostgresAway):
            pass


def unknown_test() -> Problem:
    """Say that a channel has no such test."""
    return Problem(404, "unknown_test", "the channel has no such test")


def already_verified() -> Problem:
    """Say that there is nothing to verify."""
    return Problem(409, "already_verified", "the channel is verified already")


def _proof(channel: UserChannel, now: datetime) -> tuple[bytes | None, datetime | None, Body]:
    """Make what only the holder of an address can know: what to keep of it, until when, and what to send there."""
    if channel.kind is Kind.WEBHOOK:
        return None, None, Challenge(secrets.token_urlsafe(24))
    code, expires_at = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}", now + CODE_LIFETIME
    return _hash(channel.id, code), expires_at, Code(code, expires_at)


def _hash(channel: UUID, code: str) -> bytes:
    return hashlib.blake2b(code.encode(), key=channel.bytes, digest_size=32).digest()


def _outgoing(user: UUID, channel: UserChannel, body: Body) -> Outgoing:
    return Outgoing(uuid4(), user, channel.id, channel.kind, body)
