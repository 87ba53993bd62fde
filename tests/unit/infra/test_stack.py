from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.credentials import complete_passwords
from infra.local.folder import Folder
from infra.local.stack import Settings, has_own_clock, process_environment, reachable_host, sample_subject, services
from infra.local.supervisor import STOP_ALL_WITHIN_S, stop_share_s
from workers.notify.vapid import KeyPair

PORTS = {"http": 8080, "nats": 4222, "postgres": 5000, "cache": 6000}


def settings(root: Path) -> Settings:
    return Settings(
        folder=Folder(root),
        ports=PORTS,
        passwords=complete_passwords({}, lambda name: f"pw-{name}"),
        push_keys=KeyPair("pw-vapid", "public"),
        feed="sim:rate=10",
        http_host="0.0.0.0",  # noqa: S104  # nothing listens
        environment={"HOME": "/home/somebody", "TICKMESH_FEED": "other"},
    )


async def nothing() -> None:
    """Stand for a probe that nobody asks."""


def test_services_start_servers_first_and_the_page_last(tmp_path: Path) -> None:
    listed = services(settings(tmp_path), nothing)
    assert [service.name for service in listed] == [
        *("nats", "postgres", "cache", "migrations", "candles", "portfolios", "alerts", "notify", "feed", "gateway")
    ]
    assert [service.name for service in listed if service.once] == ["migrations"]
    assert all(service.log.parent == tmp_path / "logs" for service in listed)


def test_passwords_are_on_no_command_line_and_in_no_text(tmp_path: Path) -> None:
    for service in services(settings(tmp_path), nothing):
        assert "pw-" not in " ".join(service.argv)
        assert "pw-" not in repr(service)


def test_processes_are_told_by_their_environment(tmp_path: Path) -> None:
    environment = process_environment(settings(tmp_path), cached=True)
    assert environment["HOME"] == "/home/somebody"
    assert environment["TICKMESH_FEED"] == "sim:rate=10"
    assert environment["TICKMESH_NATS_URL"] == "nats://mesh:pw-nats_mesh@127.0.0.1:4222"
    assert environment["TICKMESH_POSTGRES_DSN"] == "postgresql://tickmesh:pw-postgres@127.0.0.1:5000/tickmesh"
    assert environment["TICKMESH_CACHE_URL"] == "redis://:pw-cache@127.0.0.1:6000/0"
    assert environment["TICKMESH_HTTP_PORT"] == "8080"
    assert environment["TICKMESH_PAGE_URL"] == "http://127.0.0.1:8080/"
    assert process_environment(settings(tmp_path), cached=False)["TICKMESH_CACHE_URL"] == ""


def test_kinds_of_channels_are_offered_that_can_be(tmp_path: Path) -> None:
    environment = process_environment(settings(tmp_path), cached=True)
    assert environment["TICKMESH_NOTIFY_KINDS"] == "webhook,webpush"
    assert environment["TICKMESH_VAPID_PUBLIC_KEY"] == "public"
    told = {"TICKMESH_SMTP_URL": "smtp://127.0.0.1:1025"}
    environment = process_environment(replace(settings(tmp_path), environment=told), cached=True)
    assert environment["TICKMESH_NOTIFY_KINDS"] == "webhook,webpush,email"
    told["TICKMESH_NOTIFY_KINDS"] = "webhook"
    environment = process_environment(replace(settings(tmp_path), environment=told), cached=True)
    assert environment["TICKMESH_NOTIFY_KINDS"] == "webhook"


def test_mails_link_to_the_page_of_the_stack_or_to_where_else_it_is_found(tmp_path: Path) -> None:
    assert settings(tmp_path).page_url == "http://127.0.0.1:8080/"
    assert replace(settings(tmp_path), http_host="::1").page_url == "http://[::1]:8080/"
    told = replace(settings(tmp_path), environment={"TICKMESH_PAGE_URL": "https://tickmesh.test"})
    assert process_environment(told, cached=True)["TICKMESH_PAGE_URL"] == "https://tickmesh.test"


@pytest.mark.parametrize(
    ("feed", "own"),
    [("sim", False), ("sim:rate=10", False), ("sim:rate=10,time=09:30", True), ("iex:some,time=1.pcap", False)],
)
def test_a_simulation_told_the_time_may_be_in_the_future(tmp_path: Path, feed: str, own: bool) -> None:
    assert has_own_clock(feed) is own
    environment = process_environment(replace(settings(tmp_path), feed=feed), cached=True)
    assert ("TICKMESH_CANDLE_FUTURE_S" in environment) is own


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("10.1.2.3", "10.1.2.3")])  # noqa: S104  # compared
def test_page_is_reached_where_it_listens(host: str, reached: str) -> None:
    assert reachable_host(host) == reached


def test_sample_subject_exists_in_the_feed() -> None:
    assert sample_subject("sim:rate=1") == "quote.XNAS.AAPL"
    assert sample_subject("iex:file.pcap.gz") == "'quote.>'"


def test_one_that_hangs_leaves_time_for_the_others() -> None:
    remaining_s, shares = STOP_ALL_WITHIN_S, []
    for left in reversed(range(6)):
        shares.append(stop_share_s(remaining_s, left))
        remaining_s -= shares[-1]  # as if each took all it may
    assert shares == [1.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert stop_share_s(4.0, 0) == 2.0
    assert stop_share_s(-1.0, 3) == 0.0
