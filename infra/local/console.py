"""What the launcher shows: lines as things happen, and under them one status line that stays current."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

from infra.local.heartbeats import Figures
from infra.local.supervisor import State

PLAIN_EVERY_S = 10.0
ERASE_LINE = "\r\x1b[2K"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a newcomer needs to know once everything runs."""

    page: str
    email: str
    password: str
    nats: str
    subject: str
    folder: str
    database_store: str | None = None  # where it lies outside the folder


def render_welcome(welcome: Welcome) -> str:
    """Lay out the block that is shown once everything runs; a line each, within 80 columns for usual paths."""
    rows = {
        "Page": welcome.page,
        "Demo login": f"{welcome.email}  password {welcome.password}",
        "NATS": f"{welcome.nats}  no credentials; subscribe {welcome.subject}",
        "Data": f"{welcome.folder}/data",
        "Logs": f"{welcome.folder}/logs/NAME.log",
        "Database": welcome.database_store,
        "Stop": "Ctrl-C",
    }
    lines = [f"  {name:<11}{value}" for name, value in rows.items() if value]
    return "\n".join(["", "Tickmesh is up.", *lines, ""])


def render_status(figures: Figures, states: Mapping[str, State], width: int) -> str:
    """Write the status line, in the longest of three forms that fits the width, cut if none does."""
    shown = {name: state for name, state in states.items() if state is not State.DONE}
    up = [name for name, state in shown.items() if state is State.UP]
    others = [f"{state.value}: {name}" for name, state in shown.items() if state is not State.UP]
    full = [f"up: {' '.join(up)}"] if up else []
    short = [f"{len(up)} up"] if up else []
    figure_text = _figures(figures)
    forms = ([figure_text, *others, *full], [figure_text, *others, *short], [*others, *short])
    lines = [" | ".join(part for part in form if part) for form in forms]
    return next((line for line in lines if len(line) <= width), lines[-1][:width])


def _figures(figures: Figures) -> str:
    parts = []
    if figures.ticks_per_s is not None:
        parts.append(f"{figures.ticks_per_s:,.0f} ticks/s")
    if figures.clients is not None:
        parts.append(f"{figures.clients:,} client{'' if figures.clients == 1 else 's'}")
    if figures.feed_age_ms is not None:
        parts.append(f"feed {_age(figures.feed_age_ms)}")
    return ", ".join(parts) or "no figures yet"


def _age(age_ms: float) -> str:
    return f"{age_ms:,.0f} ms" if age_ms < 10_000 else f"{age_ms / 1000:,.0f} s"


class Console:
    """A terminal with a status line at its foot, or a plain stream that gets one now and then."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to the stream; a broken one (`make up | head`) is told nothing more, the stack runs on."""
        self._stream: TextIO | None = stream
        self._terminal = stream.isatty()
        self._clock = clock
        self._status = ""
        self._last_plain_s = clock()

    @property
    def width(self) -> int:
        """The columns a status line may use: one less than there are, so that none wraps."""
        return shutil.get_terminal_size((80, 24)).columns - 1

    def say(self, text: str) -> None:
        """Print a line above the status line."""
        if self._terminal:
            self._write(f"{ERASE_LINE}{text}\n{self._status}")
        else:
            self._write(f"{text}\n")

    def show_status(self, line: str) -> None:
        """Replace the status line; where there is no terminal, print it every 10 s."""
        if self._terminal:
            if line != self._status:
                self._status = line
                self._write(f"{ERASE_LINE}{line}")
        elif self._clock() - self._last_plain_s >= PLAIN_EVERY_S:
            self._last_plain_s = self._clock()
            self._write(f"{line}\n")

    def clear_status(self) -> None:
        """Take the status line away."""
        if self._status:
            self._status = ""
            self._write(ERASE_LINE)

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._stream = None
