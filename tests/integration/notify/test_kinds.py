"""Each kind of channel, to a real receiver."""

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mesh.notify.bodies import Challenge, Code, Probe
from mesh.notify.kinds import Kind
from mesh.notify.signatures import signature
from tests.integration.notify.conftest import Stack, Until
from tests.notify_receivers import Call, Reply, receiving, receiving_mail
from tests.notify_worker import Desk, fired

pytestmark = pytest.mark.timeout(180)  # some of it are pauses, and the machine may be busy


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_mail_has_text_and_html_and_its_id(stack: Stack, desk: Desk, until: Until) -> None:
    async with receiving_mail(stack.mail_port) as mail:
        address = f"{uuid4().hex}@example.com"
        channel = await desk.channel(Kind.EMAIL, address)
        sent = await desk.send(Kind.EMAIL, channel, fired("<b>Sell & run</b>\r\nBcc: all@example.com"))
        await until(lambda: desk.are([sent], "sent"))
        (message,) = mail.to(address)
        assert message["Subject"] == "AAPL is at or above 230.00: 230.125"
        assert message["Message-ID"] == f"<{sent}@tickmesh.test>"
        assert message["Bcc"] is None
        plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert "XNAS:AAPL traded at 230.125" in plain
        assert "<b>Sell & run</b> Bcc: all@example.com" in plain
        assert "&lt;b&gt;Sell &amp; run&lt;/b&gt;" in html


async def test_mail_that_is_refused_for_now_comes_later_and_for_good_never(
    stack: Stack, desk: Desk, until: Until
) -> None:
    async with receiving_mail(stack.mail_port) as mail:
        mail.refusals.append("451 greylisted, try again")
        channel = await desk.channel(Kind.EMAIL, "later@example.com")
        later = await desk.send(Kind.EMAIL, channel)
        await until(lambda: desk.are([later], "sent"))
        assert (await desk.rows([later]))[0]["attempts"] == 2
        mail.refusals.append("550 <Nobody@example.com>: no such user")
        channel = await desk.channel(Kind.EMAIL, "nobody@example.com")
        never = await desk.send(Kind.EMAIL, channel)
        await until(lambda: desk.are([never], "dead"))
        (row,) = await desk.rows([never])
        assert (row["attempts"], row["last_error"]) == (1, "the mail server: 550 <…>: no such user")
        assert await desk.channel_state(channel) == "broken"


async def test_a_mail_server_that_hangs_after_it_took_a_message_has_it_once(
    stack: Stack, desk: Desk, until: Until
) -> None:
    async with receiving_mail(stack.mail_port) as mail:
        channel = await desk.channel(Kind.EMAIL, "slow@example.com")
        mail.hangs_at = "QUIT"
        sent = await desk.send(Kind.EMAIL, channel)
        await until(lambda: desk.are([sent], "sent"))
        mail.hangs_at = "DATA"
        sent = await desk.send(Kind.EMAIL, channel)
        await until(lambda: desk.are([sent], "failed"))
        mail.hangs_at = ""
        await until(lambda: desk.are([sent], "sent"))
        assert len(mail.messages) == 2


async def test_a_code_is_sent_to_an_address_that_is_not_verified_and_an_alert_is_not(
    stack: Stack, desk: Desk, until: Until
) -> None:
    async with receiving_mail(stack.mail_port) as mail:
        channel = await desk.channel(Kind.EMAIL, f"{uuid4().hex}@example.com", "unverified")
        code = await desk.send(Kind.EMAIL, channel, Code("042917", datetime.now(UTC) + timedelta(minutes=10)))
        old = await desk.send(Kind.EMAIL, channel, Code("042918", datetime.now(UTC) - timedelta(seconds=1)))
        alert = await desk.send(Kind.EMAIL, channel)
        await until(lambda: desk.are([code], "sent"))
        await until(lambda: desk.are([old, alert], "dead"))
        assert [message["Subject"] for message in mail.messages] == ["042917 is your Tickmesh code"]
        assert {row["last_error"] for row in await desk.rows([old, alert])} == {
            "the code is not good any more",
            "the channel is not verified",
        }
        assert await desk.channel_state(channel) == "unverified"


async def test_a_push_is_for_the_browser_alone(desk: Desk, until: Until) -> None:
    browser, auth = ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef"
    public = browser.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    async with receiving() as service:
        keys = {"p256dh": text(public), "auth": text(auth)}
        channel = await desk.channel(Kind.WEBPUSH, f"{service.url}/push/1", settings=keys)
        body = fired()
        sent = await desk.send(Kind.WEBPUSH, channel, body)
        await until(lambda: desk.are([sent], "sent"))
        (call,) = service.calls
        assert (call.path, call.headers["content-encoding"], call.headers["topic"]) == (
            *("/push/1", "aes128gcm", sent.hex),
        )
        assert call.headers["authorization"].startswith("vapid t=")
        seen = json.loads(http_ece.decrypt(call.body, private_key=browser, auth_secret=auth))
        assert seen["title"] == "AAPL is at or above 230.00: 230.125"
        assert (seen["tag"], seen["url"]) == (str(body.id), "/#alerts/history")


async def test_a_subscription_that_is_gone_breaks_its_channel_and_a_bad_one_is_refused(
    desk: Desk, until: Until
) -> None:
    async def gone(call: Call) -> Reply:
        del call
        return Reply(410)

    async with receiving(gone) as service:
        channel = await desk.channel(
            Kind.WEBPUSH, service.url, settings={"p256dh": text(b"\x04" + bytes(64)), "auth": text(bytes(16))}
        )
        bad = await desk.send(Kind.WEBPUSH, channel)
        await until(lambda: desk.are([bad], "dead"))
        assert service.calls == []
        assert await desk.channel_state(channel) == "broken"
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        keys = {
            "p256dh": text(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
            "auth": text(bytes(16)),
        }
        channel = await desk.channel(Kind.WEBPUSH, service.url, settings=keys)
        ended = await desk.send(Kind.WEBPUSH, channel)
        await until(lambda: desk.are([ended], "dead"))
        assert len(service.calls) == 1
        assert await desk.channel_state(channel) == "broken"


async def test_a_webhook_is_signed_and_verified_by_its_challenge(desk: Desk, until: Until) -> None:
    async def echo(call: Call) -> Reply:
        said = json.loads(call.body)
        return Reply(200, said["data"]["challenge"].encode()) if said["type"] == "challenge" else Reply()

    async with receiving(echo) as server, receiving() as deaf:
        channel = await desk.channel(Kind.WEBHOOK, f"{server.url}/hook?from=tickmesh", "unverified")
        other = await desk.channel(Kind.WEBHOOK, deaf.url, "unverified")
        asked = [await desk.send(Kind.WEBHOOK, each, Challenge(uuid4().hex)) for each in (channel, other)]
        await until(lambda: desk.are(asked[:1], "sent"))
        await until(lambda: desk.are(asked[1:], "dead"))
        assert [await desk.channel_state(each) for each in (channel, other)] == ["verified", "unverified"]

        sent = await desk.send(Kind.WEBHOOK, channel)
        await until(lambda: desk.are([sent], "sent"))
        call = server.calls[-1]
        secret = await desk.connection.fetchval("SELECT secret FROM alert_channels WHERE id = $1", channel)
        signed = signature(secret, call.id, int(call.headers["webhook-timestamp"]), call.body)
        assert (call.path, call.id, call.headers["webhook-signature"]) == ("/hook?from=tickmesh", str(sent), signed)
        assert json.loads(call.body)["type"] == "alert.fired"
        assert json.loads(call.body)["data"]["price"] == 230.125


@pytest.mark.parametrize("kind", [Kind.SMS, Kind.APPRISE])
async def test_what_apprise_knows_is_sent_through_it(stack: Stack, desk: Desk, until: Until, kind: Kind) -> None:
    async with receiving(port=stack.sms_port) as service:
        address = {Kind.SMS: "+12125550123", Kind.APPRISE: f"json://127.0.0.1:{service.port}/mine?rto=600"}[kind]
        channel = await desk.channel(kind, address)
        sent = await desk.send(kind, channel, Probe())
        await until(lambda: desk.are([sent], "sent"))
        (call,) = service.calls
        assert call.path == {Kind.SMS: "/12125550123", Kind.APPRISE: "/mine"}[kind]
        assert json.loads(call.body)["title"] == "Tickmesh: a test"


async def test_services_that_are_not_offered_are_refused(desk: Desk, until: Until) -> None:
    asked = [
        await desk.send(kind, await desk.channel(kind, address))
        for kind, address in ((Kind.APPRISE, "file:///tmp/x"), (Kind.APPRISE, "json://"), (Kind.SMS, "0123/../x"))
    ]
    await until(lambda: desk.are(asked, "dead"))
