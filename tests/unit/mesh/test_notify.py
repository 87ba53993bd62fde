"""What the gateway, the alert worker and the notify worker share."""

import string
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.notify.addresses import MAX_URL_LENGTH, check_url, is_public
from mesh.notify.bodies import BodyError, Challenge, Code, Fired, Probe, decode_body, encode_body
from mesh.notify.codec import Letter, MessageError, Order, decode, encode
from mesh.notify.kinds import Kind
from mesh.notify.signatures import SecretError, new_secret, signature

AT = datetime(2026, 3, 2, 14, 30, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        Fired(UUID(int=1), UUID(int=2), "XNAS:AAPL", "ABOVE", 230.0, 1, 230.1, AT, "note"),
        Probe(),
        Code("042917", AT),
        Challenge("abc"),
    ],
)
def test_bodies_come_back(body: Fired | Probe | Code | Challenge) -> None:
    assert decode_body(encode_body(body)) == body


def test_a_firing_as_the_tables_write_it_is_read() -> None:
    text = """{"type": "fired", "id": "00000000-0000-0000-0000-000000000001", "outcome": "sent", "side": 1,
        "alert_id": "00000000-0000-0000-0000-000000000002", "symbol": "XNAS:AAPL", "condition": "ABOVE",
        "threshold": 230, "price": 230.1, "fired_at": "2026-03-02T14:30:00.123+00:00"}"""
    assert decode_body(text) == Fired(UUID(int=1), UUID(int=2), "XNAS:AAPL", "ABOVE", 230.0, 1, 230.1, AT)


@pytest.mark.parametrize("text", ["", "{}", '{"type": "nothing"}', '{"type": "code", "code": 1}', "\xff"])
def test_what_is_no_body_is_named(text: str) -> None:
    with pytest.raises(BodyError):
        decode_body(text)


def test_messages_come_back_and_others_are_refused() -> None:
    order = Order(uuid4(), Kind.SMS, uuid4(), uuid4())
    letter = Letter(uuid4(), Kind.EMAIL, "550", 1, AT)
    assert decode(encode(order), Order) == order
    assert decode(encode(letter), Letter) == letter
    for payload in (b"", b"\xc1", encode(letter), msgspec.msgpack.encode({"id": "x"})):
        with pytest.raises(MessageError):
            decode(payload, Order)


def test_a_signature_is_that_of_standard_webhooks() -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks.
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert len({new_secret() for _ in range(10)}) == 10


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?", "whsec_a"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(SecretError):
        signature(secret, "id", 0, b"")


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.1", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_is_the_same_inside_another(address: IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(str(ip_address(int(address)))) == is_public(str(address))


@pytest.mark.parametrize("url", ["https://example.com", "http://example.com:8080/a?b=c#d", "https://1.1.1.1/"])
def test_urls_that_may_be_called(url: str) -> None:
    assert check_url(url, private_allowed=False).hostname in {"example.com", "1.1.1.1"}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must begin"),
        ("ftp://example.com", "must begin"),
        ("file:///etc/passwd", "must begin"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://example.com:0/", "no host"),
        ("https://example.com:99999/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://user:pw@example.com/", "user or a password"),
        ("https://@example.com/", "user or a password"),
        ("https://example.com/a b", "characters"),
        ("https://example.com\r\nHost: x", "characters"),
        ("https://example.com\\@127.0.0.1/", "characters"),
        ("https://ex\u00e4mple.com/", "characters"),
        ("https://example.com/" + "a" * MAX_URL_LENGTH, "at most 2000"),
        ("http://127.0.0.1/", "private"),
        ("http://[::1]:8080/", "private"),
        ("http://localhost/", "private"),
        ("http://LOCALHOST:80/", "private"),
        ("http://api.localhost/", "private"),
        ("http://[fe80::1%25eth0]/", "private"),
    ],
)
def test_urls_that_may_not(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_url(url, private_allowed=False)


def test_private_addresses_may_be_allowed() -> None:
    assert check_url("http://127.0.0.1:8080/", private_allowed=True).port == 8080


@given(st.text(string.printable, max_size=60), st.booleans())
def test_whatever_is_written_is_taken_apart_or_refused(text: str, private_allowed: bool) -> None:
    for url in (text, f"https://{text}"):
        try:
            parts = check_url(url, private_allowed)
        except ValueError:
            continue
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
