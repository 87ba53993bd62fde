"""What requests about channels hold: where a user wants to be told, checked as far as can be without trying. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from gateway.accounts.credentials import parse_email
from gateway.problems import Problem, invalid_field
from market.ledger.fields import is_plain
from mesh.notify.addresses import check_mailbox, check_url
from mesh.notify.kinds import Kind
from mesh.notify.settings import ChannelSettings

MAX_NAME_CHARACTERS = 80
_MAX_URL_CHARACTERS = 2000
_POINT_BYTES, _AUTH_BYTES = 65, 16  # of RFC 8291: an uncompressed point of P-256, and a secret
_UNCOMPRESSED = 4
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}(?=://.)", re.IGNORECASE)
_CODE = re.compile(r"[0-9]{6}")


class PushKeys(msgspec.Struct):
    """Keys of a browser's push subscription."""

    p256dh: str
    auth: str


class PushSubscription(msgspec.Struct):
    """A browser's push subscription, as its `toJSON` gives it."""

    endpoint: str
    keys: PushKeys


class NewChannelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A channel to add. A web push has a `subscription`, all others an `address`."""

    kind: Annotated[str, Meta(description=f"One of {', '.join(Kind)}.")]
    name: Annotated[str, Meta(description=f"At most {MAX_NAME_CHARACTERS} characters.")] = ""
    address: Annotated[
        str | None,
        Meta(description="An email address, a URL, a number or an Apprise URL.", examples=["ada@example.com"]),
    ] = None
    subscription: PushSubscription | None = None


class CodeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A code that came by a channel."""

    code: Annotated[str, Meta(description="Six digits.", examples=["123456"])]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a channel leads; `settings` are a push subscription's keys."""

    kind: Kind
    name: str
    address: str
    settings: dict[str, str] = field(default_factory=dict)


def destination(asked: NewChannelRequest, installation: ChannelSettings) -> Destination:
    """Read where a channel is to lead; raises Problem."""
    kind = _kind(asked.kind, installation)
    name = _name(asked.name)
    if kind is Kind.WEBPUSH:
        if asked.subscription is None or asked.address is not None:
            raise invalid_field("subscription", "what the browser's `toJSON` gives; and no address")
        endpoint, settings = _push(asked.subscription, installation)
        return Destination(kind, name or "Browser", endpoint, settings)
    if asked.address is None or asked.subscription is not None:
        raise invalid_field("address", "is required; and no subscription")
    address = _address(kind, asked.address.strip(), installation)
    return Destination(kind, name or _default_name(kind, address), address)


def shown_address(kind: Kind, address: str) -> str:
    """Give an address without what would let somebody else use it."""
    match kind:
        case Kind.APPRISE:
            return f"{urlsplit(address).scheme}://…"
        case Kind.WEBPUSH:
            return urlsplit(address).hostname or ""
    return address


def read_code(asked: CodeRequest) -> str:
    """Read a code; raises Problem."""
    code = asked.code.strip()
    if not _CODE.fullmatch(code):
        raise invalid_field("code", "six digits")
    return code


def unknown_channel() -> Problem:
    """Say that there is no such channel, whether it is another user's or nobody's."""
    return Problem(404, "unknown_channel", "there is no such channel")


def _kind(text: str, installation: ChannelSettings) -> Kind:
    offered = ", ".join(sorted(installation.kinds))
    if text not in set(Kind):
        raise invalid_field("kind", f"one of {offered}")
    kind = Kind(text)
    if kind not in installation.kinds:
        detail = f"kind: {kind} is not set up here; there are {offered}"
        raise Problem(422, "kind_unavailable", detail, field="kind")
    return kind


def _name(text: str) -> str:
    name = text.strip()
    if len(name) > MAX_NAME_CHARACTERS or not is_plain(name):
        raise invalid_field("name", f"at most {MAX_NAME_CHARACTERS} characters, none of them a control character")
    return name


def _default_name(kind: Kind, address: str) -> str:
    match kind:
        case Kind.WEBHOOK:
            return (urlsplit(address).hostname or "")[:MAX_NAME_CHARACTERS]
        case Kind.APPRISE:
            return urlsplit(address).scheme
    return address[:MAX_NAME_CHARACTERS]


def _address(kind: Kind, address: str, installation: ChannelSettings) -> str:
    match kind:
        case Kind.EMAIL:
            return _mailbox(address)
        case Kind.SMS if not _PHONE.fullmatch(address):
            raise invalid_field("address", "a number such as +491701234567")
        case Kind.APPRISE:
            scheme = _SCHEME.match(address)
            if scheme is None or scheme[0].lower() not in installation.allowed_schemes or not _is_url_text(address):
                schemes = ", ".join(sorted(installation.allowed_schemes))
                raise invalid_field("address", f"a URL of Apprise with one of these schemes: {schemes}")
        case Kind.WEBHOOK:
            _check_url("address", address, installation)
    return address


def _mailbox(address: str) -> str:
    mailbox = parse_email(address, "address")
    try:
        check_mailbox(mailbox)
    except ValueError as error:
        raise invalid_field("address", str(error)) from None
    return mailbox


def _push(subscription: PushSubscription, installation: ChannelSettings) -> tuple[str, dict[str, str]]:
    _check_url("subscription.endpoint", subscription.endpoint, installation)
    point = _decoded("subscription.keys.p256dh", subscription.keys.p256dh, _POINT_BYTES)
    if point[0] != _UNCOMPRESSED:
        raise invalid_field("subscription.keys.p256dh", "an uncompressed point")
    _decoded("subscription.keys.auth", subscription.keys.auth, _AUTH_BYTES)
    return subscription.endpoint, {"p256dh": subscription.keys.p256dh, "auth": subscription.keys.auth}


def _check_url(field: str, url: str, installation: ChannelSettings) -> None:
    try:
        check_url(url, installation.notify_private_addresses)
    except ValueError as error:
        raise invalid_field(field, str(error)) from None


def _decoded(field: str, text: str, size: int) -> bytes:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != size:
        raise invalid_field(field, f"{size} bytes as base64url")
    return decoded


def _is_url_text(text: str) -> bool:
    return len(text) <= _MAX_URL_CHARACTERS and text.isascii() and text.isprintable() and " " not in text
