"""What fires, the slow way: tick after tick, rule after rule, in plain Python and from what docs/alerts.md says alone.

Nothing of market/alerts is used but the commands, which are what a user says.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from market.alerts.commands import Command, Create, Delete, Edit, Never, Pause, Rearm, Resume
from market.codes import NO_INSTRUMENT, NOT_PRICE_FORMING, Kind
from market.row_type import Rows
from market.rows import TRADE

HYSTERESIS = 0.001
ALMOST = 1e-12  # ten per cent above 100 is 110, also in binary
S_NS, US_NS = 1_000_000_000, 1_000
ACTIVE = ("armed", "waiting", "dormant")


class Firing(NamedTuple):
    """A touch that counted; `cooldown` says that it came too soon after the one before to be told to anybody."""

    id: UUID
    alert: UUID
    price: float
    fired_ns: int
    side: int
    is_cooldown: bool


@dataclass
class Market:
    """What is known of an instrument: its last price, that of the day before, and which day it is (an ordinal)."""

    last: float | None = None
    prev_close: float | None = None
    day: int = 0
    sequence: int = 0


@dataclass
class Alert:
    """A rule; None where nothing is set or known."""

    id: UUID
    user: UUID
    instrument: int
    condition: str
    threshold: float
    reference: str
    reference_price: float | None
    repeat: str
    cooldown_s: int
    expires_ns: int | None
    state: str = "armed"
    side: int = 0  # +1 above or at the upper line when it fired, -1 at the lower one, while it waits
    fired_day: int = 0
    last_fired_ns: int | None = None
    fired: int = 0
    since: int = 0


@dataclass
class Oracle:
    """One partition: `tape` and `command` in the order in which they were taken; `zones` are those of instruments."""

    zones: Mapping[int, ZoneInfo]
    markets: dict[int, Market] = field(default_factory=lambda: defaultdict(Market))
    alerts: dict[UUID, Alert] = field(default_factory=dict)
    firings: list[Firing] = field(default_factory=list)
    statuses: dict[UUID, int] = field(default_factory=dict)  # of the answers, by command
    ticks: int = 0

    def tape(self, sequence: int, events: Rows) -> None:
        """Take one message of the tape."""
        for at, row in enumerate(events.view(TRADE.dtype).tolist()):
            kind, _, number, row_sequence, ts, _, price, _, _, conditions = row
            if number == NO_INSTRUMENT or number not in self.zones or row_sequence <= self.markets[number].sequence:
                continue
            self.markets[number].sequence = row_sequence
            is_forming = kind == Kind.TRADE and not conditions & NOT_PRICE_FORMING
            if is_forming and math.isfinite(price) and price > 0:
                self._tick(number, price, ts, f"{sequence}:{at}")

    def command(self, command: Command, sequence: int) -> None:
        """Take one command, decided when the tape was evaluated up to `sequence`; the same one again is nothing new."""
        if command.id not in self.statuses:
            self.statuses[command.id] = self._decide(command, sequence)

    def _tick(self, number: int, price: float, ts: int, cause: str) -> None:
        market = self.markets[number]
        day = datetime.fromtimestamp(ts // S_NS, self.zones[number]).toordinal()
        if day > market.day:
            market.prev_close, market.day = market.last, day
        market.last = price
        self.ticks += 1
        for alert in self.alerts.values():
            if alert.instrument == number:
                self._meet(alert, market, ts, cause)

    def _meet(self, alert: Alert, market: Market, ts: int, cause: str) -> None:
        if alert.state == "dormant" and market.day > alert.fired_day:
            alert.state = "armed"
        is_back = alert.state == "waiting" and self._is_back(alert, market)
        side = touched(alert, market) if is_back or alert.state == "armed" else 0
        if (is_back or side) and alert.expires_ns is not None and alert.expires_ns <= ts:
            alert.state = "expired"
            return
        if is_back:
            alert.state, alert.side = "armed", 0
        if side:
            self._fire(alert, market, ts, side, cause)

    def _is_back(self, alert: Alert, market: Market) -> bool:
        upper, lower = lines(alert, market.prev_close)
        if alert.side > 0:
            return upper is not None and market.last <= upper * (1 - HYSTERESIS)
        return lower is not None and market.last >= lower * (1 + HYSTERESIS)

    def _fire(self, alert: Alert, market: Market, ts: int, side: int, cause: str) -> None:
        before, cooldown_ns = alert.last_fired_ns, alert.cooldown_s * S_NS
        is_cooldown = cooldown_ns > 0 and before is not None and ts < before + cooldown_ns
        if not is_cooldown:
            alert.last_fired_ns = ts // US_NS * US_NS
            alert.fired += 1
        self.firings.append(Firing(uuid5(alert.id, cause), alert.id, market.last, ts, side, is_cooldown))
        match alert.repeat:
            case "once":
                alert.state = "fired"
            case "daily":
                alert.state, alert.fired_day = "dormant", market.day
            case "every_cross":
                alert.state, alert.side = "waiting", side

    def _decide(self, command: Command, sequence: int) -> int:
        action = command.action
        if isinstance(action, Create):
            return self._create(command, action, sequence)
        alert = self.alerts.get(action.alert)
        if alert is None or alert.user != command.user:
            return 404
        return self._change(alert, command, sequence)

    def _change(self, alert: Alert, command: Command, sequence: int) -> int:
        match command.action:
            case Delete():
                del self.alerts[alert.id]
                return 204
            case Pause() if alert.state in ACTIVE and not is_over(alert, command):
                alert.state, alert.side = "paused", 0
            case Resume() if alert.state == "paused":
                return self._judge(alert, "wait", command, sequence)
            case Rearm(if_true=if_true):
                return self._judge(alert, if_true, command, sequence)
            case Edit() as edit:
                return self._edit(alert, command, edit, sequence)
            case _:
                return 409
        return 200

    def _create(self, command: Command, action: Create, sequence: int) -> int:
        last = self.markets[action.instrument].last
        if action.condition == "CHANGE_PCT" and action.reference == "created" and last is None:
            return 409
        alert = Alert(
            uuid5(command.id, "alert"),
            command.user,
            action.instrument,
            str(action.condition),
            action.threshold,
            str(action.reference),
            last if action.condition == "CHANGE_PCT" and action.reference == "created" else None,
            str(action.repeat),
            action.cooldown_s,
            ns_of(action.expires_at),
        )
        status = self._judge(alert, action.if_true, command, sequence)
        if status == 200:
            self.alerts[alert.id] = alert
        return 201 if status == 200 else status

    def _edit(self, alert: Alert, command: Command, action: Edit, sequence: int) -> int:
        edited = replace(
            alert,
            threshold=alert.threshold if action.threshold is None else action.threshold,
            repeat=alert.repeat if action.repeat is None else str(action.repeat),
            cooldown_s=alert.cooldown_s if action.cooldown_s is None else action.cooldown_s,
            expires_ns=expiry(action, alert.expires_ns),
        )
        is_moved = edited.threshold != alert.threshold or (is_over(alert, command) and action.expires_at is not None)
        status = 200
        if is_moved and alert.state != "paused":
            status = self._judge(edited, action.if_true, command, sequence)
        if status == 200:
            self.alerts[alert.id] = edited
        return status

    def _judge(self, alert: Alert, if_true: str, command: Command, sequence: int) -> int:
        """Arm a rule, or do as asked where it is already true."""
        if alert.expires_ns is not None and alert.expires_ns <= ns_of(command.received_at):
            return 409
        market = self.markets[alert.instrument]
        side = touched(alert, market)
        if side and if_true == "refuse":
            return 409
        alert.state, alert.side, alert.fired_day, alert.since = "waiting" if side else "armed", side, 0, sequence
        if side and if_true == "fire":
            self._fire(alert, market, ns_of(command.received_at), side, f"command:{command.id}")
        return 200


def lines(alert: Alert, prev_close: float | None) -> tuple[float | None, float | None]:
    """Give the prices that a rule looks at: at or above the first it fires, and at or below the second."""
    match alert.condition:
        case "ABOVE":
            return alert.threshold, None
        case "BELOW":
            return None, alert.threshold
    reference = alert.reference_price if alert.reference == "created" else prev_close
    if reference is None:
        return None, None
    up, down = (1 + alert.threshold / 100) * (1 - ALMOST), (1 - alert.threshold / 100) * (1 + ALMOST)
    return up * reference, down * reference if down > 0 else None


def touched(alert: Alert, market: Market) -> int:
    """Tell which line the last price is at or beyond: 1 the upper, -1 the lower, 0 none."""
    upper, lower = lines(alert, market.prev_close)
    if market.last is None:
        return 0
    if upper is not None and market.last >= upper:
        return 1
    return -1 if lower is not None and market.last <= lower else 0


def is_over(alert: Alert, command: Command) -> bool:
    """Tell whether a rule has expired, for somebody who looks at it and without a tick."""
    is_past = alert.expires_ns is not None and alert.expires_ns <= ns_of(command.received_at)
    return alert.state == "expired" or (alert.state in ACTIVE and is_past)


def expiry(action: Edit, before_ns: int | None) -> int | None:
    """Give when an edited rule expires."""
    match action.expires_at:
        case None:
            return before_ns
        case Never():
            return None
        case time:
            return ns_of(time)


def ns_of(time: datetime | None) -> int | None:
    """Give a time as ns since 1970, exactly: it has microseconds."""
    if time is None:
        return None
    return int(time.timestamp()) * S_NS + time.microsecond * US_NS
