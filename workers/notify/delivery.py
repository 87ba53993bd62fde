"""One notification on its way: whether it is still to be sent, the attempt, and what is written down of it.

Its row says `sent` after the provider took it, so a worker that is killed in between makes somebody send it again:
at least once, with the same id. Waiting for a provider that is left alone is no attempt.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mesh.notify.bodies import BodyError, Challenge, Code, Fired, Probe, decode_body
from mesh.notify.codec import Letter, Order
from mesh.notify.store import Notification, NotificationStore
from mesh.pool import Patience
from workers.notify.adapters.protocol import Adapter, Parcel
from workers.notify.backoff import MAX_ATTEMPTS, delay_s
from workers.notify.breaker import Breakers
from workers.notify.outcome import Refused, Unavailable
from workers.notify.words import one_line, words_of

_logger = logging.getLogger(__name__)

LEFT_ALONE = "there were several failures in a row, and a pause is made before the next attempt"
_MOST_REASON = 300
_APART_S = 1.0  # over which those who waited for the same provider come back

Bury = Callable[[Letter], Awaitable[None]]


@dataclass(slots=True)
class Counts:
    """What became of notifications since the start."""

    sent: int = 0
    failed: int = 0
    waited: int = 0
    dead: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an attempt may take, and the bound of the pause after the first that failed."""

    timeout_s: float
    first_retry_s: float


class Deliverer:
    """Sends the notifications of one kind."""

    def __init__(
        self, store: NotificationStore, adapter: Adapter, breakers: Breakers, patience: Patience, limits: Limits
    ) -> None:
        self._store = store
        self._adapter = adapter
        self._patience = patience
        self._limits = limits
        self.breakers = breakers
        self.counts = Counts()

    async def deliver(self, order: Order, bury: Bury) -> float | None:
        """Try once; give the seconds after which to come again, None where nothing is left to do.

        `bury` is given the letter of one that is given up, and may fail: the next time finds it dead and buries it.
        """
        found = await self._patience.ask(lambda: self._store.read(order.id))
        if found is None or found.state == "sent":
            self.counts.dropped += 1
            return None
        if not found.is_open:
            await bury(_letter(found, found.last_error, found.attempts))
            return None
        try:
            parcel = parcel_of(found, datetime.now(UTC))
        except Refused as refusal:
            await self._give_up(found, refusal, bury, tried=False)
            return None
        return await self._attempt(found, parcel, bury)

    async def _attempt(self, found: Notification, parcel: Parcel, bury: Bury) -> float | None:
        provider = self._adapter.provider(parcel.channel)
        wait_s = self.breakers.admit(provider, time.monotonic())
        if wait_s:
            self.counts.waited += 1
            if not isinstance(parcel.body, Fired) and self.breakers.is_open(provider):  # somebody looks for it now
                await self._patience.ask(lambda: self._store.waits(found.channel_id, LEFT_ALONE))
            return wait_s + random.random() * _APART_S  # noqa: S311  # nobody is kept from guessing it
        is_well: bool | None = None
        try:
            trouble = await self._sent(parcel)
            if not isinstance(trouble, Refused):  # which says nothing of others
                is_well = None if trouble and not trouble.of_provider else trouble is None
        finally:
            self.breakers.ended(provider, is_well, time.monotonic())
        match trouble:
            case None:
                await self._succeeded(found, parcel)
            case Refused():
                await self._give_up(found, trouble, bury, tried=True)
            case Unavailable():
                return await self._failed(found, trouble, bury)
        return None

    async def _sent(self, parcel: Parcel) -> Refused | Unavailable | None:
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                await self._adapter.send(parcel)
        except TimeoutError:
            return Unavailable(f"no answer within {self._limits.timeout_s:g} s")
        except (Refused, Unavailable) as trouble:
            return trouble
        except Exception as error:  # an adapter's own fault must end neither the worker nor the notification
            _logger.exception("notification %s", parcel.id)
            return Unavailable(f"an error of ours: {type(error).__name__}", of_provider=False)
        return None

    async def _succeeded(self, found: Notification, parcel: Parcel) -> None:
        if isinstance(parcel.body, Challenge):
            await self._patience.ask(lambda: self._store.verified(found.channel_id))
        await self._patience.ask(lambda: self._store.sent(found))
        self.counts.sent += 1

    async def _failed(self, found: Notification, trouble: Unavailable, bury: Bury) -> float | None:
        attempts = found.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            await self._give_up(found, Refused(str(trouble), breaks_channel=False), bury, tried=True)
            return None
        reason = _reason(found, trouble)
        await self._patience.ask(lambda: self._store.failed(found, reason))
        self.counts.failed += 1
        return max(delay_s(attempts, self._limits.first_retry_s, random.random), trouble.retry_after_s)

    async def _give_up(self, found: Notification, refusal: Refused, bury: Bury, *, tried: bool) -> None:
        reason = _reason(found, refusal)
        await self._patience.ask(
            lambda: self._store.dead(found, reason, tried=tried, breaks_channel=refusal.breaks_channel)
        )
        self.counts.dead += 1
        _logger.info("%s notification %s is given up: %s", found.kind, found.id, reason)
        await bury(_letter(found, reason, found.attempts + tried))


def parcel_of(found: Notification, now: datetime) -> Parcel:
    """Make ready what a row says; raises Refused where it must not be sent (any more)."""
    try:
        body = decode_body(found.body)
    except BodyError as error:
        raise Refused(f"the row cannot be read: {error}", breaks_channel=False) from None
    if found.channel is None:
        raise Refused("the channel was removed", breaks_channel=False)
    if isinstance(body, Fired | Probe) and found.channel.state == "unverified":
        raise Refused("the channel is not verified", breaks_channel=False)
    if isinstance(body, Code) and body.expires_at <= now:
        raise Refused("the code is not good any more", breaks_channel=False)
    return Parcel(found.id, body, words_of(body), found.channel)


def _reason(found: Notification, trouble: Refused | Unavailable) -> str:
    """Say what stands against an attempt; it is logged and kept, so not to whom: mail servers repeat addresses."""
    said = str(trouble)
    if found.channel is not None and found.channel.address:
        said = re.sub(re.escape(found.channel.address), "…", said, flags=re.IGNORECASE)
    return one_line(said, _MOST_REASON)


def _letter(found: Notification, reason: str, attempts: int) -> Letter:
    return Letter(found.id, found.kind, reason, attempts, datetime.now(UTC))
