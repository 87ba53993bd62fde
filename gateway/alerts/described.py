"""What the OpenAPI page says of the routes of alerts: their answers and refusals."""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.commanding.described import Described
from gateway.live.messages import Firing

Time = Annotated[str, Meta(description="ISO 8601, UTC.")]


class AlertBody(msgspec.Struct):
    """An alert."""

    id: str
    symbol: str
    name: Annotated[str, Meta(description="Of the instrument.")]
    condition: str
    threshold: float
    reference: str
    reference_price: Annotated[float | None, Meta(description="What a reference `created` was.")]
    repeat: str
    cooldown: int
    expires_at: Time | None
    note: str
    notificationChannels: list[str]  # noqa: N815  # the API's name of it
    state: Annotated[str, Meta(description="armed, waiting, fired, paused or expired.")]
    created_at: Time
    updated_at: Time
    last_fired_at: Annotated[str | None, Meta(description="The exchange's time.")]
    fired_count: int
    distance_percent: Annotated[float | None, Meta(description="How far the last price has to move, down below 0.")]
    already_true: Annotated[
        bool | None, Meta(description="Whether it was true when it was armed; only in answers to that.")
    ] = None


class AlertPage(msgspec.Struct):
    """Alerts, newest first."""

    alerts: list[AlertBody]
    next: Annotated[str | None, Meta(description="The `before` of the next page; null on the last.")]


class RecordedFiring(Firing, frozen=True):
    """What an alert fired, as it is kept."""

    seen_at: Time | None


class FiringPage(msgspec.Struct):
    """Firings, newest first."""

    firings: list[RecordedFiring]
    next: Annotated[str | None, Meta(description="The `before` of the next page; null on the last.")]


class Unseen(msgspec.Struct):
    """What was not seen, newest first, and how much that is in all."""

    firings: list[Firing]
    total: int


class ChannelBody(msgspec.Struct):
    """A way to be told."""

    id: str
    kind: str
    name: str
    address: str
    state: Annotated[str, Meta(description="unverified, verified or broken.")]
    created_at: Time
    verified_at: Time | None
    error: Annotated[str, Meta(description="What stood against the last message; empty once one was taken.")]
    secret: Annotated[str | None, Meta(description="That signs a webhook's calls; told only once.")] = None


class Channels(msgspec.Struct):
    """A user's channels, and the kinds that there can be."""

    channels: list[ChannelBody]
    kinds: list[str]


class TestSent(msgspec.Struct):
    """A test that is on its way."""

    test: Annotated[str, Meta(description="How it went will be at `…/tests/{test}`.")]


class TestState(msgspec.Struct):
    """How a test went."""

    state: Annotated[str, Meta(description="queued, sent, failed (and tried again) or dead.")]
    attempts: int
    error: Annotated[str, Meta(description="What stood against the last attempt.")]


class PublicKey(msgspec.Struct):
    """What a browser subscribes with."""

    key: Annotated[str, Meta(description="The VAPID public key, base64url.")]


class PreviewFiring(msgspec.Struct):
    """About when an alert would have fired."""

    fired_at: Time
    price: float
    side: int


class PreviewBody(msgspec.Struct):
    """How often an alert would have fired."""

    count: int
    firings: Annotated[list[PreviewFiring], Meta(description="The newest 100, newest first.")]
    from_: Annotated[str, Meta(description="ISO 8601, UTC.")] = msgspec.field(name="from")
    to: Time
    basis: Annotated[str, Meta(description="What it was found in.")]
    already_true: Annotated[bool | None, Meta(description="Whether it is true now; null where that is not known.")]
    price: Annotated[float | None, Meta(description="The last price.")]


described = Described(
    {
        404: "`unknown_alert`: there is none, or it is another user's",
        409: "`already_true`, `too_many_alerts` or another of docs/alerts.md",
        422: "`invalid_field`, `unknown_symbol`, `unverified_channel`, `idempotency_mismatch`: `field` names it",
        429: "`too_many_attempts`: try again after `Retry-After` seconds",
        507: "`alerts_full`: nothing was recorded",
    }
)

described_channels = Described(
    {
        404: "`unknown_channel`: there is none, or it is another user's",
        409: "`channel_exists`, `too_many_channels`, `already_verified`, `unverified_channel`, `code_spent` or "
        "`verified_by_challenge`",
        422: "`invalid_field`, `kind_unavailable` or `wrong_code`: `field` names what to change",
        429: "`too_many_attempts`: try again after `Retry-After` seconds",
    }
)
