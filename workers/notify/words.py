"""What people read: subject, text and HTML of a notification. Pure."""

import html
import unicodedata
from dataclasses import dataclass
from datetime import UTC

from mesh.notify.bodies import Body, Challenge, Code, Fired, Probe

HISTORY, CHANNELS = "/#alerts/history", "/#alerts/channels"
_MAX_LINE = 150
_TO_CHANNELS = CHANNELS, "See your channels on Tickmesh"
_FOOTER = "You are told because of an alert of yours on Tickmesh. Alerts and channels can be changed there."
_CARD = (
    '<!doctype html><html lang="en"><body style="margin:0;padding:24px;background:#f4f5f7;'
    'font:16px/1.5 system-ui,sans-serif;color:#16181d">'
    '<div style="max-width:480px;margin:auto;padding:24px;background:#fff;border-radius:8px">{parts}</div>'
    "</body></html>"
)
_HEADING = '<h1 style="margin:0 0 12px;font-size:20px">{text}</h1>'
_LINE = '<p style="margin:0 0 8px">{text}</p>'
_LINK = '<p style="margin:16px 0 0"><a href="{url}" style="color:#175cd3">{text}</a></p>'
_SMALL = '<p style="margin:16px 0 0;font-size:13px;color:#667085">{text}</p>'


@dataclass(frozen=True, slots=True)
class Words:
    """A message for people: one line of title, lines of text below it, and what is small print.

    `place` is where the page shows what it is about, and what is to be done there.
    """

    title: str
    lines: tuple[str, ...]
    footer: str = ""
    place: tuple[str, str] | None = None

    @property
    def summary(self) -> str:
        """The text in few words, for a notification on a screen or a telephone."""
        return "\n".join(self.lines)

    def text(self, page: str = "") -> str:
        """Give the whole message in plain text, with a link to our page where its address is known."""
        link = [line for url, what in self._links(page) for line in ("", f"{what}: {url}")]
        footer = ("", "-- ", self.footer) if self.footer else ()
        return "\n".join((self.title, "", *self.lines, *link, *footer, ""))

    def html(self, page: str = "") -> str:
        """Give the whole message as a page of its own, which loads nothing from anywhere; with the same link."""
        parts = [_HEADING.format(text=html.escape(self.title))]
        parts += [_LINE.format(text=html.escape(line)) for line in self.lines]
        parts += [_LINK.format(url=html.escape(url), text=html.escape(text)) for url, text in self._links(page)]
        parts += [_SMALL.format(text=html.escape(self.footer))] if self.footer else []
        return _CARD.format(parts="".join(parts))

    def _links(self, page: str) -> list[tuple[str, str]]:
        return [(page + self.place[0], self.place[1])] if page and self.place is not None else []


def words_of(body: Body) -> Words:
    """Put a notification into words."""
    match body:
        case Fired():
            return _fired(body)
        case Probe():
            return Words(
                "Tickmesh: a test", ("This channel works: alerts that name it arrive here.",), _FOOTER, _TO_CHANNELS
            )
        case Code():
            until = body.expires_at.astimezone(UTC)
            return Words(
                f"{body.code} is your Tickmesh code",
                (
                    f"Type {body.code} to have alerts sent here. It is good until {until:%H:%M} UTC.",
                    "If you did not ask for it, somebody mistyped an address: nothing more will come.",
                ),
                place=(CHANNELS, "Type it on Tickmesh"),
            )
        case Challenge():
            return Words("Tickmesh: do you want to be called here?", ("Answer with the challenge.",))


def price_text(price: float) -> str:
    """Write a price with two decimals, or with as many as it has: 230.10, 0.0375, 1,204.50."""
    text = f"{price:,.10f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def one_line(text: str, most: int = _MAX_LINE) -> str:
    """Make a line of what users wrote: no line breaks or other controls, no direction marks, not too long."""
    kept = "".join(" " if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"} else letter for letter in text)
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _fired(fired: Fired) -> Words:
    symbol = one_line(fired.symbol.rpartition(":")[2])
    price, at = price_text(fired.price), fired.fired_at.astimezone(UTC)
    if fired.condition == "CHANGE_PCT":
        direction = "up" if fired.side > 0 else "down"
        what, rule = f"{symbol} is {direction} {fired.threshold:g} % or more: {price}", f"{fired.threshold:g} % or more"
    else:
        side = "at or above" if fired.condition == "ABOVE" else "at or below"
        what = f"{symbol} is {side} {price_text(fired.threshold)}: {price}"
        rule = f"{side} {price_text(fired.threshold)}"
    lines = [f"{fired.symbol} traded at {price} on {at:%d %B %Y, %H:%M:%S} UTC. Your alert: {rule}."]
    if fired.note:
        lines.append(one_line(fired.note, 500))
    return Words(what, tuple(lines), _FOOTER, (HISTORY, "See it on Tickmesh"))
