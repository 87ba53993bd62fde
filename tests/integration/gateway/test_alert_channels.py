"""Channels as anyone reaches them: shown to be the user's by a real mail and a real call, used, and removed."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from infra.local.ports import any_free
from tests.alert_worker import AlertWorker
from tests.integration.gateway.conftest import CHANNELS
from tests.integration.gateway.running import Gateway, Market, token, until
from tests.notify_receivers import Call, MailServer, Receiver, Reply, receiving, receiving_mail
from tests.notify_worker import NotifyWorker

Channel = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mail_port(market: Market) -> AsyncIterator[int]:
    """Run a worker that sends, and give the port of its mail server, which each test runs itself."""
    port = any_free()
    worker = NotifyWorker(
        market.folder,
        market.nats.url,
        market.environment["TICKMESH_POSTGRES_DSN"],
        notify_kinds="email,webhook",
        smtp_url=f"smtp://127.0.0.1:{port}",
    )
    await worker.start()
    try:
        yield port
    finally:
        await worker.stop()
    assert "Traceback" not in worker.said, worker.said[-5000:]


@pytest_asyncio.fixture
async def mail(mail_port: int) -> AsyncIterator[MailServer]:
    async with receiving_mail(mail_port) as server:
        yield server


@pytest_asyncio.fixture
async def user() -> UUID:
    return uuid4()


@pytest_asyncio.fixture
async def http(gateway: Gateway, user: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.http(token(user=user)) as client:
        yield client


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def added(http: httpx.AsyncClient, **fields: object) -> Channel:
    answer = await http.post("/alert-channels", json=fields)
    assert answer.status_code == 201, answer.text
    channel: Channel = answer.json()
    assert answer.headers["location"] == f"/alert-channels/{channel['id']}"
    return channel


async def code_sent(mail: MailServer, address: str, number: int = 1) -> str:
    """Wait for the mail with that code to an address."""

    async def is_there() -> bool:
        return len(mail.to(address)) >= number

    await until(is_there, f"mail {number} to {address} arrives")
    body = mail.to(address)[number - 1].get_body(("plain",))
    assert body is not None
    (code,) = set(re.findall(r"\b\d{6}\b", body.get_content()))
    return str(code)


async def has(http: httpx.AsyncClient, path: str, **fields: str) -> None:
    async def is_so() -> bool:
        return fields.items() <= (await http.get(path)).json().items()

    await until(is_so, f"{path} has {fields}")


async def as_challenged(call: Call) -> Reply:
    """Answer as one who wants to be called."""
    return Reply(200, json.loads(call.body)["data"].get("challenge", "").encode())


def push(endpoint: str) -> dict[str, object]:
    point, secret = (base64.urlsafe_b64encode(each).decode() for each in (b"\x04" + bytes(64), bytes(16)))
    return {"endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": point, "auth": secret}}


async def test_a_mailbox_is_the_user_s_by_a_code_and_is_then_told(
    http: httpx.AsyncClient, mail: MailServer, alert_worker: AlertWorker
) -> None:
    address = f"ada+{uuid4().hex[:8]}@example.com"
    channel = await added(http, kind="email", name="Work", address=address)
    assert (channel["state"], channel["address"], channel["verified_at"]) == ("unverified", address, None)
    path = f"/alert-channels/{channel['id']}"
    alert = {
        "symbol": "AAPL", "condition": "BELOW", "threshold": 1e6, "if_true": "fire", "note": "to be mailed",
        "notificationChannels": [channel["id"]],
    }  # fmt: skip
    assert refusal(await http.post("/alerts", json=alert)) == (422, "unverified_channel")
    assert refusal(await http.post(f"{path}/test")) == (409, "unverified_channel")
    again = await http.post("/alert-channels", json={"kind": "email", "address": address})
    assert refusal(again) == (409, "channel_exists")
    assert again.json()["channel"] == channel["id"]

    code = await code_sent(mail, address)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    refused = await http.post(f"{path}/verify", json={"code": wrong})
    assert (refusal(refused), refused.json()["attempts_left"]) == ((422, "wrong_code"), 4)
    verified = await http.post(f"{path}/verify", json={"code": code})
    assert (verified.status_code, verified.json()["state"]) == (200, "verified")
    assert refusal(await http.post(f"{path}/verify", json={"code": code})) == (409, "already_verified")
    assert refusal(await http.post(f"{path}/code")) == (409, "already_verified")

    test = (await http.post(f"{path}/test")).json()["test"]
    await has(http, f"{path}/tests/{test}", state="sent")
    assert (await http.get(f"{path}/tests/{test}")).json() == {"state": "sent", "attempts": 1, "error": ""}
    assert refusal(await http.get(f"{path}/tests/{uuid4()}")) == (404, "unknown_test")

    answer = await http.post("/alerts", json=alert)
    assert answer.status_code == 201, answer.text  # it fires at once, or with the next trade where no price is known

    async def is_mailed() -> bool:
        bodies = [each.get_body(("plain",)) for each in mail.to(address)]
        return any(body is not None and "to be mailed" in body.get_content() for body in bodies)

    await until(is_mailed, "what fired is mailed")


async def test_a_code_is_good_for_five_attempts_and_another_one_can_be_had(
    http: httpx.AsyncClient, mail: MailServer
) -> None:
    address = f"ada+{uuid4().hex[:8]}@example.com"
    path = f"/alert-channels/{(await added(http, kind='email', address=address))['id']}"
    code = await code_sent(mail, address)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    answers = await asyncio.gather(*(http.post(f"{path}/verify", json={"code": wrong}) for _ in range(5)))
    assert sorted(answer.json()["attempts_left"] for answer in answers) == [0, 1, 2, 3, 4]
    assert refusal(await http.post(f"{path}/verify", json={"code": code})) == (409, "code_spent")
    assert (await http.post(f"{path}/code")).status_code == 204
    second = await code_sent(mail, address, 2)
    assert (await http.post(f"{path}/verify", json={"code": second})).json()["state"] == "verified"


async def test_nobody_has_a_stranger_s_mailbox_filled(http: httpx.AsyncClient, gateway: Gateway) -> None:
    address = f"ada+{uuid4().hex[:8]}@example.com"
    path = f"/alert-channels/{(await added(http, kind='email', address=address))['id']}"
    for _ in range(2):
        assert (await http.post(f"{path}/code")).status_code == 204
    refused = await http.post(f"{path}/code")
    assert refusal(refused) == (429, "too_many_attempts")
    assert 0 < int(refused.headers["retry-after"]) <= 300
    async with gateway.http(token()) as other:
        assert (
            refusal(await other.post("/alert-channels", json={"kind": "email", "address": address.upper()}))[0] == 429
        )


async def test_only_what_is_sent_to_strangers_counts_against_their_address(
    http: httpx.AsyncClient, gateway: Gateway, mail: MailServer
) -> None:
    address = f"ada+{uuid4().hex[:8]}@example.com"
    path = f"/alert-channels/{(await added(http, kind='email', address=address))['id']}"
    for _ in range(3):
        again = await http.post("/alert-channels", json={"kind": "email", "address": address})
        assert refusal(again) == (409, "channel_exists")
    code = await code_sent(mail, address)
    assert (await http.post(f"{path}/verify", json={"code": code})).status_code == 200
    for _ in range(4):
        assert (await http.post(f"{path}/test")).status_code == 202
    async with gateway.http(token()) as other:
        for _ in range(2):  # what is left of the three
            channel = await added(other, kind="email", address=address)
            assert (await other.delete(f"/alert-channels/{channel['id']}")).status_code == 204
        refused = await other.post("/alert-channels", json={"kind": "email", "address": address})
        assert refusal(refused) == (429, "too_many_attempts")


async def test_a_webhook_is_the_user_s_by_its_answer(http: httpx.AsyncClient, mail_port: int) -> None:
    receiver: Receiver
    async with receiving(as_challenged) as receiver:
        channel = await added(http, kind="webhook", address=receiver.url)
        assert channel["secret"].startswith("whsec_")
        path = f"/alert-channels/{channel['id']}"
        await has(http, path, state="verified")
        assert "secret" not in (await http.get(path)).json()
        assert refusal(await http.post(f"{path}/verify", json={"code": "123456"})) == (409, "already_verified")
        test = (await http.post(f"{path}/test")).json()["test"]
        await has(http, f"{path}/tests/{test}", state="sent")
        assert [json.loads(call.body)["type"] for call in receiver.calls] == ["challenge", "test"]


async def test_a_webhook_that_does_not_answer_the_challenge_is_told_that_there_is_no_code(
    http: httpx.AsyncClient, mail_port: int
) -> None:
    async def answer(_call: Call) -> Reply:
        return Reply(200, b"thanks")

    receiver: Receiver
    async with receiving(answer) as receiver:
        path = f"/alert-channels/{(await added(http, kind='webhook', address=receiver.url))['id']}"
        refused = await http.post(f"{path}/verify", json={"code": "123456"})
        assert refusal(refused) == (409, "verified_by_challenge")
        await has(http, path, error="the answer does not hold the challenge")
        assert (await http.get(path)).json()["state"] == "unverified"


async def test_why_a_challenge_does_not_arrive_is_in_the_list_until_another_one_is_sent(
    http: httpx.AsyncClient, mail_port: int
) -> None:
    receiver: Receiver
    async with receiving(lambda _call: asyncio.sleep(0, Reply(404))) as receiver:
        channel = await added(http, kind="webhook", address=receiver.url)
        assert channel["error"] == ""
        path = f"/alert-channels/{channel['id']}"
        await has(http, path, error="the answer was 404")
        (listed,) = (await http.get("/alert-channels")).json()["channels"]
        assert (listed["state"], listed["error"]) == ("unverified", "the answer was 404")
        receiver.answer = as_challenged
        assert (await http.post(f"{path}/code")).status_code == 204
        await has(http, path, state="verified", error="")


async def test_a_browser_subscribes_and_is_one_user_s_at_a_time(http: httpx.AsyncClient, gateway: Gateway) -> None:
    assert (await http.get("/alert-channels/webpush-key")).json() == {"key": CHANNELS["vapid_public_key"]}
    endpoint = f"https://push.example.com/{uuid4()}"
    channel = await added(http, kind="webpush", subscription=push(endpoint))
    assert (channel["state"], channel["address"], channel["name"]) == ("verified", "push.example.com", "Browser")
    again = await http.post("/alert-channels", json={"kind": "webpush", "subscription": push(endpoint)})
    assert (again.status_code, again.json()["id"]) == (201, channel["id"])
    async with gateway.http(token()) as other:
        theirs = await added(other, kind="webpush", subscription=push(endpoint))
        assert [each["id"] for each in (await other.get("/alert-channels")).json()["channels"]] == [theirs["id"]]
    assert (await http.get("/alert-channels")).json() == {
        "channels": [],
        "kinds": sorted(CHANNELS["notify_kinds"].split(",")),
    }


async def test_another_user_s_channel_is_as_one_that_does_not_exist(http: httpx.AsyncClient, gateway: Gateway) -> None:
    channel = await added(http, kind="webpush", subscription=push(f"https://push.example.com/{uuid4()}"))
    mine, nobodys = f"/alert-channels/{channel['id']}", f"/alert-channels/{uuid4()}"
    async with gateway.http(token()) as stranger:
        for method, path, body in (
            ("GET", "", None),
            ("DELETE", "", None),
            ("POST", "/code", None),
            ("POST", "/verify", {"code": "123456"}),
            ("POST", "/test", None),
        ):
            answers = [await stranger.request(method, each + path, json=body) for each in (mine, nobodys)]
            assert {refusal(answer) for answer in answers} == {(404, "unknown_channel")}, (method, path)
            assert answers[0].content == answers[1].content
    assert (await http.delete(mine)).status_code == 204
    assert refusal(await http.get(mine)) == (404, "unknown_channel")


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"kind": "sms", "address": "+491701234567"}, "kind_unavailable", "kind"),
        ({"kind": "pigeon", "address": "x"}, "invalid_field", "kind"),
        ({"kind": "email", "address": "ada"}, "invalid_field", "address"),
        ({"kind": "webhook", "address": "file:///etc/passwd"}, "invalid_field", "address"),
        ({"kind": "email", "address": "ada@example.com", "state": "verified"}, "invalid_field", "state"),
    ],
)
async def test_what_leads_nowhere_is_named_and_nothing_is_written(
    http: httpx.AsyncClient, fields: dict[str, object], code: str, field: str
) -> None:
    answer = await http.post("/alert-channels", json=fields)
    assert refusal(answer) == (422, code)
    assert answer.json()["field"] == field
    assert (await http.get("/alert-channels")).json()["channels"] == []


async def test_a_user_has_so_many_channels_and_no_more(http: httpx.AsyncClient) -> None:
    for _ in range(20):
        await added(http, kind="webpush", subscription=push(f"https://push.example.com/{uuid4()}"))
    more = {"kind": "webpush", "subscription": push(f"https://push.example.com/{uuid4()}")}
    assert refusal(await http.post("/alert-channels", json=more)) == (409, "too_many_channels")
    mail = {"kind": "email", "address": f"ada+{uuid4().hex[:8]}@example.com"}
    for _ in range(4):  # nothing is sent, so that nothing counts
        assert refusal(await http.post("/alert-channels", json=mail)) == (409, "too_many_channels")
