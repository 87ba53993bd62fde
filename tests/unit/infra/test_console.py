from __future__ import annotations

import io

import pytest

from infra.local.console import Console, Welcome, render_status, render_welcome
from infra.local.heartbeats import Figures
from infra.local.supervisor import State

UP = dict.fromkeys(["nats", "postgres", "cache", "feed", "gateway"], State.UP) | {"migrations": State.DONE}
BUSY = Figures(ticks_per_s=1_000_000.2, clients=10_000, feed_age_ms=12.3)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_status_names_figures_and_processes() -> None:
    assert (
        render_status(BUSY, UP, 120)
        == "1,000,000 ticks/s, 10,000 clients, feed 12 ms | up: nats postgres cache feed gateway"
    )


def test_status_says_what_is_not_up_first() -> None:
    states = UP | {"feed": State.RESTARTING}
    assert (
        render_status(Figures(clients=1), states, 79) == "1 client | restarting: feed | up: nats postgres cache gateway"
    )


def test_old_feed_is_told_in_seconds() -> None:
    assert render_status(Figures(feed_age_ms=61_000), {}, 79) == "feed 61 s"


def test_no_heartbeats_are_said_so() -> None:
    assert render_status(Figures(), {"nats": State.STARTING}, 79) == "no figures yet | starting: nats"


@pytest.mark.parametrize("width", [20, 40, 60, 79])
@pytest.mark.parametrize("down", [[], ["postgres"], ["feed", "gateway"], list(UP)])
def test_status_fits_and_still_names_what_is_down(width: int, down: list[str]) -> None:
    states = UP | dict.fromkeys(down, State.RESTARTING)
    line = render_status(BUSY, states, width)
    assert len(line) <= width
    if width == 79 and len(down) < 3:
        assert all(name in line for name in down)


def test_welcome_fits_eighty_columns_and_holds_what_one_needs() -> None:
    text = render_welcome(
        Welcome(
            page="http://127.0.0.1:8080/",
            email="demo@tickmesh.local",
            password="0123-4567-89ab-cdef",
            nats="nats://127.0.0.1:4222",
            subject="quote.XNAS.AAPL",
            folder="/home/somebody/tickmesh/.tickmesh",
        )
    )
    assert max(len(line) for line in text.splitlines()) <= 80
    for word in ("http://127.0.0.1:8080/", "demo@tickmesh.local", "0123-4567-89ab-cdef", "nats://127.0.0.1:4222"):
        assert word in text
    assert "Database" not in text


def test_terminal_keeps_the_status_line_under_the_lines() -> None:
    stream = Terminal()
    console = Console(stream)
    console.show_status("status 1")
    console.say("something happened")
    console.show_status("status 2")
    assert stream.getvalue() == "\r\x1b[2Kstatus 1\r\x1b[2Ksomething happened\nstatus 1\r\x1b[2Kstatus 2"
    console.clear_status()
    console.say("bye")
    assert stream.getvalue().endswith("\r\x1b[2K\r\x1b[2Kbye\n")


def test_plain_stream_gets_the_status_every_ten_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    console = Console(stream, clock)
    for second in range(25):
        clock.now_s = float(second)
        console.show_status(f"at {second}")
    assert stream.getvalue() == "at 10\nat 20\n"


def test_broken_stream_stops_nothing() -> None:
    class Broken(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            raise BrokenPipeError

    stream = Broken()
    console = Console(stream)
    console.say("one")
    console.say("two")
    assert stream.writes == 1
