from __future__ import annotations

import json

import pytest

from infra.local.heartbeats import MOST_SENDERS, SILENT_AFTER_S, Figures, Heartbeats


def hear(heartbeats: Heartbeats, subject: str, now_s: float, **said: object) -> None:
    heartbeats.hear(subject, json.dumps(said).encode(), now_s)


def test_figures_are_those_of_feed_and_gateways() -> None:
    heartbeats = Heartbeats()
    hear(heartbeats, "ops.feed.1", 10.0, process="feed", rows_per_s=2000.4, feed_age_ms=3)
    assert heartbeats.figures(10.0) == Figures(ticks_per_s=2000.4, clients=None, feed_age_ms=3.0)
    hear(heartbeats, "ops.gateway.2", 10.0, process="gateway", clients=2, feed_age_ms=7)
    hear(heartbeats, "ops.gateway.3", 10.0, process="gateway", clients=5, feed_age_ms=40.5)
    assert heartbeats.figures(10.0) == Figures(ticks_per_s=2000.4, clients=7, feed_age_ms=40.5)


def test_restarted_feed_counts_once_and_two_feeds_add_up() -> None:
    heartbeats = Heartbeats()
    hear(heartbeats, "ops.feed.1", 10.0, process="feed", feed="sim", rows_per_s=2000)
    hear(heartbeats, "ops.feed.2", 11.0, process="feed", feed="sim", rows_per_s=500)
    assert heartbeats.figures(11.0).ticks_per_s == 500
    hear(heartbeats, "ops.feed.3", 11.0, process="feed", feed="iex", rows_per_s=7)
    assert heartbeats.figures(11.0).ticks_per_s == 507


def test_silent_processes_are_forgotten() -> None:
    heartbeats = Heartbeats()
    hear(heartbeats, "ops.feed.1", 10.0, process="feed", rows_per_s=5)
    assert heartbeats.alive("feed", 10.0 + SILENT_AFTER_S - 0.1)
    assert not heartbeats.alive("feed", 10.0 + SILENT_AFTER_S)
    assert heartbeats.figures(10.0 + SILENT_AFTER_S) == Figures()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"process": 7}', b"\xff"])
def test_nonsense_is_left_out(data: bytes) -> None:
    heartbeats = Heartbeats()
    heartbeats.hear("ops.feed.1", data, 1.0)
    assert heartbeats.figures(1.0) == Figures()


def test_figures_that_are_no_numbers_are_left_out() -> None:
    heartbeats = Heartbeats()
    hear(heartbeats, "ops.feed.1", 1.0, process="feed", rows_per_s="many", feed_age_ms=None)
    assert heartbeats.figures(1.0) == Figures()


def test_senders_are_bounded_and_make_room_once_silent() -> None:
    heartbeats = Heartbeats()
    for number in range(MOST_SENDERS + 10):
        hear(heartbeats, f"ops.gateway.{number}", 1.0, process="gateway", clients=1)
    assert heartbeats.figures(1.0).clients == MOST_SENDERS
    hear(heartbeats, "ops.gateway.late", 1.0 + SILENT_AFTER_S, process="gateway", clients=1)
    assert heartbeats.figures(1.0 + SILENT_AFTER_S).clients == 1
