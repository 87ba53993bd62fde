"""Alerts as anyone reaches them: over HTTP and on the stream, with a real worker and a tape of the test's own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from gateway.commanding.keys import command_id, digest_of
from tests.alert_worker import AlertWorker
from tests.integration.gateway.conftest import MAX_ALERTS, STARTED_WITHIN_S
from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import Gateway, Market, tables, token, until
from tests.integration.gateway.tiny_ticks import TinyTicks, tiny_ticks
from tests.integration.gateway.tiny_venue import TinyVenue

CREATED, ACCEPTED = 201, 202
Alert = dict[str, Any]


@pytest_asyncio.fixture
async def user() -> UUID:
    return uuid4()


@pytest_asyncio.fixture
async def http(gateway: Gateway, alert_worker: AlertWorker, user: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.http(token(user=user)) as client:
        yield client


@pytest_asyncio.fixture
async def symbol(venue: TinyVenue, gateway: Gateway) -> str:
    """List one instrument of the test's own."""
    (name,) = await venue.enlist("TICK", known_to=gateway)
    return name


@pytest_asyncio.fixture
async def ticks(market: Market, venue: TinyVenue) -> AsyncIterator[TinyTicks]:
    async with tiny_ticks(market, venue) as made:
        yield made


async def made(http: httpx.AsyncClient, symbol: str, threshold: float, **fields: object) -> Alert:
    asked = {"symbol": symbol, "condition": "ABOVE", "threshold": threshold} | fields
    key = {"Idempotency-Key": str(uuid4())}
    answers = []

    async def is_answered() -> bool:  # a partition may still be without an owner
        answers.append(await http.post("/alerts", json=asked, headers=key))
        return bool(answers[-1].status_code != ACCEPTED)

    await until(is_answered, "an alert is made", STARTED_WITHIN_S)
    assert answers[-1].status_code == CREATED, answers[-1].text
    alert: Alert = answers[-1].json()
    assert answers[-1].headers["location"] == f"/alerts/{alert['id']}"
    return alert


async def shown(http: httpx.AsyncClient, alert: Alert) -> Alert:
    found: Alert = (await http.get(f"/alerts/{alert['id']}")).json()
    return found


async def priced(http: httpx.AsyncClient, ticks: TinyTicks, symbol: str, price: float) -> Alert:
    """Let a price be known, which an alert that fires at it shows; give that alert."""
    alert = await made(http, symbol, price)
    await ticks.trade(symbol.partition(":")[2], price)

    async def has_fired() -> bool:
        return (await shown(http, alert))["state"] == "fired"

    await until(has_fired, "the price is seen")
    return alert


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def test_who_asks_again_is_answered_though_the_symbol_is_unknown_by_now(
    http: httpx.AsyncClient, market: Market, user: UUID
) -> None:
    key = {"Idempotency-Key": "again"}
    first = await http.post("/alerts", json={"symbol": "AAPL", "condition": "ABOVE", "threshold": 1e6}, headers=key)
    assert first.status_code == CREATED
    gone = b'{"symbol": "GONE", "condition": "ABOVE", "threshold": 1e6}'
    async with tables(market) as connection:  # as if that had been the request, and GONE known then
        name, digest = command_id(user, "again", "alert"), digest_of("POST", "/alerts", gone)
        assert await connection.execute("UPDATE alert_commands SET digest = $2 WHERE id = $1", name, digest) == (
            "UPDATE 1"
        )
    headers = {"Content-Type": "application/json"}
    again = await http.post("/alerts", content=gone, headers=headers | key)
    assert (again.status_code, again.json()["id"], again.headers["location"]) == (
        CREATED,
        first.json()["id"],
        first.headers["location"],
    )
    refused = await http.post("/alerts", content=gone, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_symbol")
    other = await http.post("/alerts", content=gone + b" ", headers=headers | key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_an_alert_fires_at_the_first_trade_that_reaches_it_and_is_told_until_it_is_seen(
    http: httpx.AsyncClient, gateway: Gateway, user: UUID, symbol: str, ticks: TinyTicks
) -> None:
    alert = await made(http, symbol, 105, note="sell half")
    assert (alert["state"], alert["already_true"], alert["fired_count"]) == ("armed", None, 0)
    assert alert["name"] == f"TICK of {symbol[:4]}"
    async with live(gateway, bearer=token(user=user)) as client, live(gateway) as stranger:
        for each in (client, stranger):
            await each.send("watch_alerts")
            assert (await each.until("alerts"))["total"] == 0
        await ticks.trade("TICK", 104, 106, 104, 107)
        firing = (await client.until("alert_fired"))["firing"]
        assert (firing["alert_id"], firing["price"], firing["side"]) == (alert["id"], 106.0, 1)
        assert (firing["symbol"], firing["outcome"], firing["note"]) == (symbol, "sent", "sell half")
        await stranger.answers_ping()
        assert not stranger.of("alert_fired")
    fired = await shown(http, alert)
    assert (fired["state"], fired["fired_count"], fired["last_fired_at"]) == ("fired", 1, firing["fired_at"])
    assert fired["distance_percent"] == pytest.approx(100 * (105 / 107 - 1), abs=1e-3)
    history = (await http.get(f"/alerts/{alert['id']}/history")).json()
    assert history == {"firings": [firing | {"seen_at": None}], "next": None}
    assert (await http.get("/alerts/history")).json() == history
    assert (await http.get("/alerts/unseen")).json() == {"firings": [firing], "total": 1}
    async with live(gateway, bearer=token(user=user)) as client:
        await client.send("watch_alerts")
        assert (await client.until("alerts"))["firings"] == [firing]
        assert (await http.post("/alerts/seen", json={"ids": [firing["id"], str(uuid4())]})).status_code == 204
        await client.send("watch_alerts")
        assert (await client.until("alerts"))["total"] == 0
        await client.send("unwatch_alerts")
        await client.until("alerts_unwatched")
    (seen,) = (await http.get("/alerts/history")).json()["firings"]
    assert seen["seen_at"] is not None


async def test_what_is_true_by_now_is_told_and_done_as_was_asked(
    http: httpx.AsyncClient, symbol: str, ticks: TinyTicks
) -> None:
    await priced(http, ticks, symbol, 100)
    below = {"symbol": symbol, "condition": "BELOW", "threshold": 101}
    refused = await http.post("/alerts", json=below)
    assert refusal(refused) == (409, "already_true")
    assert refused.json()["price"] == 100.0
    fired = await made(http, symbol, 101, condition="BELOW", if_true="fire")
    assert (fired["state"], fired["already_true"], fired["fired_count"]) == ("fired", True, 1)
    waits = await made(http, symbol, 99, if_true="wait")
    assert (waits["state"], waits["already_true"]) == ("waiting", True)
    (firing, first) = (await http.get("/alerts/history")).json()["firings"]
    assert (firing["alert_id"], firing["price"], firing["side"]) == (fired["id"], 100.0, -1)
    assert first["price"] == 100.0
    again = await http.post(f"/alerts/{fired['id']}/rearm", json={"if_true": "refuse"})
    assert refusal(again) == (409, "already_true")
    again = await http.post(f"/alerts/{fired['id']}/rearm", json={"if_true": "wait"})
    assert (again.status_code, again.json()["state"]) == (200, "waiting")


async def test_an_alert_is_changed_paused_armed_again_and_deleted(
    http: httpx.AsyncClient, symbol: str, ticks: TinyTicks
) -> None:
    await priced(http, ticks, symbol, 100)
    alert = await made(http, symbol, 110, note="old", expires_at="2030-01-01", repeat="every_cross", cooldown=60)
    path = f"/alerts/{alert['id']}"
    changed = (await http.patch(path, json={"threshold": 120, "note": "", "expires_at": None})).json()
    assert (changed["threshold"], changed["note"], changed["expires_at"]) == (120.0, "", None)
    assert (changed["repeat"], changed["cooldown"]) == ("every_cross", 60)
    assert changed["distance_percent"] == 20.0
    assert (await http.post(f"{path}/pause")).json()["state"] == "paused"
    assert refusal(await http.post(f"{path}/pause")) == (409, "not_active")
    assert (await http.post(f"{path}/resume")).json()["state"] == "armed"
    assert refusal(await http.post(f"{path}/resume")) == (409, "not_paused")
    kept = await shown(http, alert)
    assert {**changed, "already_true": None, "updated_at": None} == {**kept, "already_true": None, "updated_at": None}
    key = {"Idempotency-Key": "away"}
    assert (await http.delete(path, headers=key)).status_code == 204
    assert (await http.delete(path, headers=key)).status_code == 204, "the same again"
    for answer in (await http.get(path), await http.delete(path), await http.patch(path, json={"note": "x"})):
        assert refusal(answer) == (404, "unknown_alert")
    assert (await http.get(f"{path}/history")).json()["firings"] == [], "what it fired would still be there"


async def test_lists_have_pages_and_are_of_one_symbol_or_state(
    http: httpx.AsyncClient, symbol: str, ticks: TinyTicks
) -> None:
    first = await priced(http, ticks, symbol, 100)
    others = [await made(http, symbol, 200 + count) for count in range(3)]
    page = (await http.get("/alerts", params={"limit": 3})).json()
    rest = (await http.get("/alerts", params={"limit": 3, "before": page["next"]})).json()
    assert [each["id"] for each in page["alerts"] + rest["alerts"]] == [each["id"] for each in (*others[::-1], first)]
    assert rest["next"] is None
    for params, count in (
        ({"state": "armed"}, 3),
        ({"state": "fired", "symbol": symbol}, 1),
        ({"state": "expired"}, 0),
        ({"symbol": "AAPL"}, 0),
    ):
        assert len((await http.get("/alerts", params=params)).json()["alerts"]) == count, params
    for wrong in ({"state": "dormant"}, {"limit": 0}, {"before": "x"}, {"symbol": "NOBODY"}):
        assert refusal(await http.get("/alerts", params=wrong))[0] == 422, wrong


ALERT = {"symbol": "AAPL", "condition": "ABOVE", "threshold": 1e6}


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"symbol": "NOBODY"}, "unknown_symbol", "symbol"),
        ({"symbol": "A\0"}, "invalid_field", "symbol"),
        ({"threshold": -1}, "invalid_field", "threshold"),
        ({"threshold": "230"}, "invalid_field", "threshold"),
        ({"threshold": True}, "invalid_field", "threshold"),
        ({"threshold": float("nan")}, "invalid_field", "threshold"),
        ({"threshold": 1001, "condition": "CHANGE_PCT"}, "invalid_field", "threshold"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "invalid_field", "expires_at"),
        ({"expires_at": "2100-01-01T00:00:00Z"}, "invalid_field", "expires_at"),
        ({"notificationChannels": [str(uuid4())]}, "unverified_channel", "notificationChannels"),
        ({"price": 1}, "invalid_field", "price"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_written(
    http: httpx.AsyncClient, fields: dict[str, object], code: str, field: str
) -> None:
    # httpx refuses to write NaN.
    body = (
        str(ALERT | fields).replace("'", '"').replace("True", "true").replace("nan", "NaN").replace("\\x00", "\\u0000")
    )
    answer = await http.post("/alerts", content=body, headers={"Content-Type": "application/json"})
    assert refusal(answer) == (422, code)
    assert answer.json()["field"] == field
    assert (await http.get("/alerts")).json() == {"alerts": [], "next": None}


async def test_a_user_has_so_many_alerts_and_no_more(http: httpx.AsyncClient) -> None:
    alerts = [await made(http, "AAPL", 1e6 + count) for count in range(MAX_ALERTS)]
    refused = await http.post("/alerts", json=ALERT)
    assert refusal(refused) == (409, "too_many_alerts")
    assert refused.json()["maximum"] == MAX_ALERTS
    assert (await http.delete(f"/alerts/{alerts[0]['id']}")).status_code == 204
    await made(http, "AAPL", 2e6)


async def test_another_user_s_alert_is_as_one_that_does_not_exist(http: httpx.AsyncClient, gateway: Gateway) -> None:
    mine, nobodys = f"/alerts/{(await made(http, 'AAPL', 1e6))['id']}", f"/alerts/{uuid4()}"
    async with gateway.http(token()) as stranger:
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/history", None),
            ("PATCH", "", {"note": "Mine now"}),
            ("DELETE", "", None),
            ("POST", "/pause", None),
            ("POST", "/resume", None),
            ("POST", "/rearm", {}),
        ):
            answers = [await stranger.request(method, each + path, json=body) for each in (mine, nobodys)]
            assert {refusal(answer) for answer in answers} == {(404, "unknown_alert")}, (method, path)
            assert answers[0].content == answers[1].content
        assert refusal(await stranger.get("/alerts/no-id")) == (404, "unknown_alert")
        assert (await stranger.get("/alerts")).json()["alerts"] == []
    assert (await http.get(mine)).json()["state"] == "armed"


async def test_the_same_key_makes_one_alert(http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "first"}
    answers = await asyncio.gather(*(http.post("/alerts", json=ALERT, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {CREATED}
    assert len({answer.json()["id"] for answer in answers}) == 1
    await made(http, "MSFT", 1e6)
    for other in (ALERT | {"threshold": 2e6}, ALERT | {"symbol": "MSFT"}):
        assert refusal(await http.post("/alerts", json=other, headers=key)) == (422, "idempotency_mismatch")
    assert len((await http.get("/alerts")).json()["alerts"]) == 2


async def test_while_its_keeper_is_silent_a_command_is_accepted_and_carried_out_later_once(
    http: httpx.AsyncClient, alert_worker: AlertWorker
) -> None:
    os.kill(alert_worker.pid, signal.SIGSTOP)
    try:
        key = {"Idempotency-Key": "patience"}
        answer = await http.post("/alerts", json=ALERT, headers=key)
        assert answer.status_code == ACCEPTED
        assert (await http.get(answer.headers["location"])).status_code == ACCEPTED
        assert (await http.get("/alerts")).json()["alerts"] == [], "the tables answer while the worker does not"
    finally:
        os.kill(alert_worker.pid, signal.SIGCONT)

    async def is_decided() -> bool:
        return (await http.get(answer.headers["location"])).status_code == CREATED

    await until(is_decided, "the command is carried out")
    first = (await http.get(answer.headers["location"])).json()
    assert first["name"], "it is dressed as any answer"
    assert (await http.post("/alerts", json=ALERT, headers=key)).json()["id"] == first["id"]
    assert len((await http.get("/alerts")).json()["alerts"]) == 1
    assert refusal(await http.get(f"/commands/{uuid4()}")) == (404, "unknown_command")


async def test_the_openapi_page_tells_what_alerts_answer(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/schema/openapi.json")).json()["paths"]
    answers = paths["/alerts"]["post"]["responses"]
    assert {status for status in answers if status < "300"} == {"201", "202"}
    assert {"400", "404", "409", "422", "503", "507"} <= answers.keys()
    for action in ("pause", "resume", "rearm"):
        answers = paths[f"/alerts/{{alert}}/{action}"]["post"]["responses"]
        assert {status for status in answers if status < "300"} == {"200", "202"}
