"""What the running processes say of themselves, once a second on `ops.>`, folded into a few figures."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

logger = logging.getLogger(__name__)

SUBJECT = "ops.>"
SILENT_AFTER_S = 3.0
MOST_SENDERS = 256


@dataclass(frozen=True, slots=True)
class Figures:
    """The market at a glance; None is what nobody has told lately."""

    ticks_per_s: float | None = None
    clients: int | None = None
    feed_age_ms: float | None = None


@dataclass(slots=True)
class Heartbeats:
    """The last heartbeat of every process, forgotten once it is silent."""

    _heard: dict[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict)

    def hear(self, subject: str, data: bytes, now_s: float) -> None:
        """Take in one heartbeat; what is not a JSON object that names its process is logged and left out."""
        try:
            said = json.loads(data)
        except ValueError:
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("process"), str):
            logger.warning("no heartbeat on %s: %r", subject, data[:80])
            return
        self._forget_silent(now_s)
        if subject in self._heard or len(self._heard) < MOST_SENDERS:
            self._heard[subject] = (now_s, said)

    def alive(self, process: str, now_s: float) -> bool:
        """Tell whether a process of that name has been heard lately."""
        return bool(self._of(process, now_s))

    def figures(self, now_s: float) -> Figures:
        """Sum up what was heard lately; the feed's age is the gateways' (the oldest), else the feed's own.

        Of each feed only the latest word counts: one that was restarted speaks under a new process number.
        """
        feeds = list({said.get("feed"): said for said in self._of("feed", now_s)}.values())
        gateways = self._of("gateway", now_s)
        rates = _numbers(feeds, "rows_per_s")
        clients = _numbers(gateways, "clients")
        ages = _numbers(gateways, "feed_age_ms") or _numbers(feeds, "feed_age_ms")
        return Figures(
            ticks_per_s=sum(rates) if rates else None,
            clients=int(sum(clients)) if clients else None,
            feed_age_ms=max(ages) if ages else None,
        )

    def _of(self, process: str, now_s: float) -> list[Mapping[str, Any]]:
        """List what processes of that name said lately, the latest last."""
        heard = sorted(self._heard.values(), key=lambda entry: entry[0])
        return [said for heard_s, said in heard if said["process"] == process and now_s - heard_s < SILENT_AFTER_S]

    def _forget_silent(self, now_s: float) -> None:
        for subject in [key for key, (heard_s, _) in self._heard.items() if now_s - heard_s >= SILENT_AFTER_S]:
            del self._heard[subject]


def _numbers(heartbeats: list[Mapping[str, Any]], name: str) -> list[float]:
    values = [said.get(name) for said in heartbeats]
    return [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


async def listen(url: str, heartbeats: Heartbeats, clock: Callable[[], float]) -> Client:
    """Subscribe to the heartbeats; the connection comes back by itself whenever the server does."""

    async def on_message(message: Msg) -> None:
        heartbeats.hear(message.subject, message.data, clock())

    async def on_error(error: Exception) -> None:
        logger.info("heartbeats: %s", error)

    client = await nats.connect(
        url, name="launcher", error_cb=on_error, max_reconnect_attempts=-1, reconnect_time_wait=1
    )
    await client.subscribe(SUBJECT, cb=on_message)
    return client
