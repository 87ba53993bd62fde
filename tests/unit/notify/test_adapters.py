import json
from datetime import UTC, datetime
from email.message import EmailMessage
from urllib.parse import quote
from uuid import UUID, uuid4

import apprise
import pytest

from mesh.notify.bodies import Body, Challenge, Code, Fired, Probe
from mesh.notify.kinds import Kind
from mesh.notify.store import Channel, Notification
from workers.notify.adapters import webhook, webpush
from workers.notify.adapters.mail import message_of
from workers.notify.adapters.others import allowed_url, service_of, sms_url
from workers.notify.adapters.protocol import Parcel
from workers.notify.delivery import parcel_of
from workers.notify.outcome import Refused, Unavailable
from workers.notify.posting import Answer, checked, retry_after_s
from workers.notify.words import words_of

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
FIRED = Fired(UUID(int=3), UUID(int=4), "XNAS:AAPL", "ABOVE", 230.0, 1, 230.1, NOW, "note")
PAGE = "https://tickmesh.test"
SENDER = "Tickmesh <alerts@tickmesh.test>"


def channel(address: str = "a@example.com", state: str = "verified") -> Channel:
    return Channel(UUID(int=2), address, {}, "", state)


def parcel(body: Body = FIRED, address: str = "a@example.com") -> Parcel:
    return Parcel(UUID(int=1), body, words_of(body), channel(address))


def found(body: str, to: Channel | None) -> Notification:
    return Notification(UUID(int=1), uuid4(), None, Kind.EMAIL, body, "queued", 0, "", UUID(int=2), to)


def test_a_mail_is_whole() -> None:
    message = message_of(parcel(), SENDER, PAGE, NOW)
    assert isinstance(message, EmailMessage)
    assert (message["From"], message["To"]) == (SENDER, "a@example.com")
    assert message["Message-ID"] == f"<{UUID(int=1)}@tickmesh.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert max(map(len, bytes(message).splitlines())) < 998
    assert all(f"{PAGE}/#alerts/history" in part.get_content() for part in message.iter_parts())


@pytest.mark.parametrize(
    "address", ["", "a", "a@", "@b", "a b@c", "a@b\r\nBcc: x@y", "a@b, c@d", "A <a@b>", "a@b c", "a@[", '"']
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="address"):
        message_of(parcel(address=address), SENDER, PAGE, NOW)


def test_a_webhook_says_its_type_and_what_there_is() -> None:
    said = json.loads(webhook.payload(parcel()))
    assert said["type"] == "alert.fired"
    assert said["data"] == {
        "id": str(UUID(int=3)), "alert_id": str(UUID(int=4)), "symbol": "XNAS:AAPL", "condition": "ABOVE",
        "threshold": 230.0, "side": 1, "price": 230.1, "fired_at": "2026-03-02T14:30:00Z", "note": "note",
    }  # fmt: skip
    assert json.loads(webhook.payload(parcel(Probe()))) == {"type": "test", "data": {}}
    assert json.loads(webhook.payload(parcel(Challenge("x"))))["data"] == {"challenge": "x"}
    with pytest.raises(Refused, match="challenge"):
        webhook.payload(parcel(Code("1", NOW)))


def test_a_push_fits_whatever_it_says() -> None:
    longest = Fired(UUID(int=3), UUID(int=4), "X" * 32, "ABOVE", 1e8, 1, 1e8, NOW, "\U0001f4c8" * 500)
    assert len(webpush.payload(parcel(longest))) < 3500  # of 3,993 that RFC 8291 leaves
    assert json.loads(webpush.payload(parcel(Probe())))["tag"] == str(UUID(int=1))


@pytest.mark.parametrize("address", ["", "12125550123", "+0123456789", "+1212555012a", "+1/../../x", "+" + "1" * 16])
def test_a_number_is_a_number(address: str) -> None:
    with pytest.raises(Refused, match="number"):
        sms_url("twilio://a:b@c/{number}")(channel(address))
    assert sms_url("x://{number}")(channel("+12125550123")) == "x://12125550123"


def test_apprise_has_bounds_that_its_urls_do_not_move() -> None:
    url_of = allowed_url(frozenset({"json"}))
    for address in ("file:///x", "JSONS://x", "json", ""):
        with pytest.raises(Refused, match="not offered"):
            url_of(channel(address))
    service = service_of(url_of(channel("JSON://example.com/?rto=600&cto=600")), 15.0)
    assert isinstance(service, apprise.NotifyBase)
    assert (service.socket_connect_timeout, service.socket_read_timeout) == (7.5, 7.5)
    with pytest.raises(Refused, match="cannot read"):
        service_of("json://", 15.0)


@pytest.mark.parametrize(
    "address",
    [
        f"discord://{'1' * 18}/{'a' * 68}/?template=",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=",
        f"tgram://123456789:{'a' * 35}/12345/?template=",
        "fcm://project@key/device?mode=oauth2&keyfile=",
    ],
)
@pytest.mark.parametrize("file", ["/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/latest"])
def test_apprise_reads_no_file_that_its_urls_name(address: str, file: str) -> None:
    with pytest.raises(Refused, match="names a file"):
        service_of(address + quote(file, safe=""), 15.0)


@pytest.mark.parametrize(
    ("body", "to", "reason"),
    [
        ('{"type": "test"}', None, "removed"),
        ('{"type": "test"}', channel(state="unverified"), "not verified"),
        ('{"type": "other"}', channel(), "cannot be read"),
        ("[]", channel(), "cannot be read"),
        ('{"type": "code", "code": "1", "expires_at": "2026-03-02T14:30:00Z"}', channel(), "not good any more"),
    ],
)
def test_what_must_not_be_sent_is_not(body: str, to: Channel | None, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refusal:
        parcel_of(found(body, to), NOW)
    assert not refusal.value.breaks_channel


def test_tests_go_through_broken_channels_and_codes_through_unverified_ones() -> None:
    assert parcel_of(found('{"type": "test"}', channel(state="broken")), NOW).body == Probe()
    code = '{"type": "code", "code": "1", "expires_at": "2026-03-02T14:30:01Z"}'
    assert isinstance(parcel_of(found(code, channel(state="unverified")), NOW).body, Code)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("", 0), ("7", 7), ("0", 0), ("-1", 0), ("9" * 400, 3600), ("Mon, 02 Mar 2026 14:30:30 GMT", 30), ("x", 0),
     ("Mon, 02 Mar 2020 14:30:30 GMT", 0), ("\u0663", 3)],
)  # fmt: skip
def test_receivers_say_when_to_come_again(text: str, wait_s: float) -> None:
    assert retry_after_s(text, NOW.timestamp()) == wait_s


@pytest.mark.parametrize(("status", "of_provider"), [(408, True), (425, True), (429, False), (500, True), (503, True)])
def test_who_is_called_too_often_says_nothing_of_others_at_the_same_host(status: int, of_provider: bool) -> None:
    with pytest.raises(Unavailable) as trouble:
        checked(Answer(status, {"retry-after": "7"}, b""), 0.0)
    assert (trouble.value.of_provider, trouble.value.retry_after_s) == (of_provider, 7.0)


def test_every_status_is_one_of_three() -> None:
    kinds = {}
    for status in range(100, 600):
        try:
            checked(Answer(status, {}, b""), 0.0)
            kinds[status] = "taken"
        except Refused as refusal:
            kinds[status] = "broken" if refusal.breaks_channel else "refused"
        except Unavailable:
            kinds[status] = "later"
    assert {status for status, kind in kinds.items() if kind == "taken"} == set(range(200, 300))
    assert {status for status, kind in kinds.items() if kind == "later"} == {
        *range(100, 200),
        408,
        425,
        429,
        *range(500, 600),
    }
    assert [status for status, kind in kinds.items() if kind == "refused"] == [413]
