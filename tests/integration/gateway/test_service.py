"""What a gateway shows of itself: health, metrics, its API's description, and the page."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.app import PAGE
from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import Gateway


async def test_a_market_that_is_all_there_is_ready(gateway: Gateway) -> None:
    async with gateway.http("") as http:
        assert (await http.get("/health/live")).json() == {"status": "live"}
        answer = await http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "draining": False,
        "dependencies": {"nats": "up", "postgres": "up", "cache": "up", "feed": "up"},
    }


async def test_metrics_are_prometheus_text_and_count(gateway: Gateway) -> None:
    async with live(gateway) as client, gateway.http("") as http:
        await client.subscribe("AAPL", "SPY")
        await client.until("update")
        await client.send("fly")
        await client.error()
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    values = {sample.name: sample.value for family in families.values() for sample in family.samples}
    assert values["tickmesh_gateway_clients"] >= 1
    assert values["tickmesh_gateway_subscriptions"] >= 2
    assert values["tickmesh_gateway_updates_received_total"] > 0
    assert values["tickmesh_gateway_updates_sent_total"] > 0
    assert values["tickmesh_gateway_nats_connected"] == 1
    assert values["tickmesh_gateway_quote_age_seconds_count"] > 0
    (unknown_actions,) = (
        sample.value
        for sample in families["tickmesh_gateway_refused_commands"].samples
        if sample.labels == {"code": "unknown_action"} and sample.name.endswith("_total")
    )
    assert unknown_actions >= 1


async def test_the_api_describes_itself(gateway: Gateway) -> None:
    async with gateway.http("") as http:
        assert "text/html" in (await http.get("/schema")).headers["content-type"]
        schema = (await http.get("/schema/openapi.json")).json()
    assert {"/quotes/{symbol}", "/prices/{symbol}", "/symbols", "/auth/login", "/health/ready"} <= set(schema["paths"])
    assert schema["paths"]["/symbols"]["get"]["security"] == [{"bearer": []}]


@pytest.mark.skipif(not PAGE.is_dir(), reason="the page is not built: make web")
async def test_the_page_and_its_assets_are_served(gateway: Gateway) -> None:
    async with gateway.http("") as http:
        page = await http.get("/")
        assert page.status_code == 200
        assert "text/html" in page.headers["content-type"]
        assets = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
        assert assets
        for asset in assets:
            answer = await http.get(asset)
            assert answer.status_code == 200, asset
            head = await http.head(asset)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("path", ["/assets/nothing.js", "/nothing", "/..%2f..%2fapp.py", "/static/index.html"])
async def test_what_is_not_there_is_not_found(gateway: Gateway, path: str) -> None:
    async with gateway.http("") as http:
        for answer in (await http.get(path), await http.head(path)):
            assert answer.status_code == 404
