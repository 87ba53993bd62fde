"""Where a user wants to be told is checked as far as can be without trying."""

import base64

import msgspec
import pytest

from gateway.alerts.channel_requests import (
    CodeRequest,
    Destination,
    NewChannelRequest,
    destination,
    read_code,
    shown_address,
)
from gateway.problems import Problem
from mesh.notify.kinds import Kind
from mesh.notify.settings import ChannelSettings

INSTALLATION = ChannelSettings(
    nats_url="nats://-",
    notify_kinds="email,sms,apprise,webhook,webpush",
    vapid_public_key="key",
    apprise_schemes="discord,tgram",
)
POINT = base64.urlsafe_b64encode(b"\x04" + bytes(64)).rstrip(b"=").decode()
AUTH = base64.urlsafe_b64encode(bytes(16)).rstrip(b"=").decode()
SUBSCRIPTION = {
    "endpoint": "https://push.example.com/send/abc",
    "expirationTime": None,
    "keys": {"p256dh": POINT, "auth": AUTH},
}


def read(installation: ChannelSettings = INSTALLATION, **fields: object) -> Destination:
    return destination(msgspec.json.decode(msgspec.json.encode(fields), type=NewChannelRequest), installation)


@pytest.mark.parametrize(
    ("kind", "address", "name", "shown"),
    [
        ("email", "Ada@example.com", "Ada@example.com", "Ada@example.com"),
        ("sms", "+491701234567", "+491701234567", "+491701234567"),
        ("webhook", "https://example.com/hook?x=1", "example.com", "https://example.com/hook?x=1"),
        ("apprise", "tgram://token/chat", "tgram", "tgram://…"),
    ],
)
def test_each_kind_has_its_address(kind: str, address: str, name: str, shown: str) -> None:
    found = read(kind=kind, address=f" {address} ")
    assert found == Destination(Kind(kind), name, address)
    assert shown_address(found.kind, found.address) == shown
    assert read(kind=kind, address=address, name=" Mine ").name == "Mine"


def test_a_browser_has_its_subscription() -> None:
    found = read(kind="webpush", subscription=SUBSCRIPTION)
    assert found == Destination(Kind.WEBPUSH, "Browser", SUBSCRIPTION["endpoint"], {"p256dh": POINT, "auth": AUTH})
    assert shown_address(found.kind, found.address) == "push.example.com"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "pigeon", "address": "x"}, "kind"),
        ({"kind": "email"}, "address"),
        ({"kind": "email", "address": "ada"}, "address"),
        ({"kind": "email", "address": "ada@localhost"}, "address"),
        ({"kind": "email", "address": "adá@example.com"}, "address"),
        ({"kind": "email", "address": "ada@exámple.com"}, "address"),
        ({"kind": "email", "address": "ada..l@example.com"}, "address"),
        ({"kind": "email", "address": "=?utf-8?q?ada?=@example.com"}, "address"),
        ({"kind": "email", "address": "ada@example.com\r\nBcc: x@y.zz"}, "address"),
        ({"kind": "email", "address": "ada@example.com", "subscription": SUBSCRIPTION}, "address"),
        ({"kind": "email", "address": "ada@example.com", "name": "x" * 81}, "name"),
        ({"kind": "email", "address": "ada@example.com", "name": "a\nb"}, "name"),
        ({"kind": "sms", "address": "0170 1234567"}, "address"),
        ({"kind": "sms", "address": "+0170"}, "address"),
        ({"kind": "apprise", "address": "json://localhost"}, "address"),
        ({"kind": "apprise", "address": "discord"}, "address"),
        ({"kind": "apprise", "address": "discord://a b"}, "address"),
        ({"kind": "webhook", "address": "ftp://example.com"}, "address"),
        ({"kind": "webhook", "address": "http://127.0.0.1/"}, "address"),
        ({"kind": "webhook", "address": "http://[::ffff:10.0.0.1]/"}, "address"),
        ({"kind": "webpush"}, "subscription"),
        ({"kind": "webpush", "address": "https://push.example.com"}, "subscription"),
        ({"kind": "webpush", "subscription": {**SUBSCRIPTION, "endpoint": "http://10.0.0.1"}}, "subscription.endpoint"),
        (
            {"kind": "webpush", "subscription": {**SUBSCRIPTION, "keys": {"p256dh": AUTH, "auth": AUTH}}},
            "subscription.keys.p256dh",
        ),
        (
            {"kind": "webpush", "subscription": {**SUBSCRIPTION, "keys": {"p256dh": "A" * 87, "auth": AUTH}}},
            "subscription.keys.p256dh",
        ),
        (
            {"kind": "webpush", "subscription": {**SUBSCRIPTION, "keys": {"p256dh": POINT, "auth": "?"}}},
            "subscription.keys.auth",
        ),
    ],
)
def test_what_leads_nowhere_is_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises(Problem) as caught:
        read(**fields)
    assert (caught.value.status, caught.value.code, caught.value.fields["field"]) == (422, "invalid_field", field)


def test_a_kind_that_is_not_set_up_is_refused() -> None:
    plain = ChannelSettings(nats_url="nats://-")
    with pytest.raises(Problem) as caught:
        read(plain, kind="email", address="ada@example.com")
    assert (caught.value.code, caught.value.fields["field"]) == ("kind_unavailable", "kind")


def test_a_code_is_six_digits() -> None:
    assert read_code(CodeRequest(" 012345 ")) == "012345"
    for wrong in ("12345", "1234567", "12345a", "\u0661" * 6):
        with pytest.raises(Problem, match="code"):
            read_code(CodeRequest(wrong))
