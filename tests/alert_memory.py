"""A worker of alerts without its servers: the index, what decides, and a table that survives when all else is lost."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from market import rows
from market.alerts.alert import Alert, Firing, Outcome
from market.alerts.columns import DayOf, RuleColumns
from market.alerts.commands import Command, Create
from market.alerts.decide import Facts, decide
from market.alerts.index import AlertIndex, Frozen
from market.alerts.rule import State
from market.alerts.touch import Terms, firing_id, time_of, touch
from market.row_type import Rows
from tests.alert_oracle import S_NS

NOW = datetime(2026, 3, 10, tzinfo=UTC)

Message = tuple[int, Rows]  # a message of the tape with its sequence


def days_in(zones: Mapping[int, ZoneInfo]) -> DayOf:
    """Number the days of instruments; those of strangers are all one."""

    def day_of(instruments: np.ndarray, ts_ns: np.ndarray) -> np.ndarray:
        pairs = zip(instruments.tolist(), ts_ns.tolist(), strict=True)
        days = [datetime.fromtimestamp(ts // S_NS, zones.get(number, UTC)).toordinal() for number, ts in pairs]
        return np.array(days, np.int32)

    return day_of


@dataclass
class Tables:
    """What is committed."""

    alerts: dict[UUID, Alert] = field(default_factory=dict)
    revisions: dict[UUID, int] = field(default_factory=dict)
    firings: list[Firing] = field(default_factory=list)
    statuses: dict[UUID, int] = field(default_factory=dict)
    tape_sequence: int = 0
    revision: int = 0

    def write(self, alert: Alert) -> None:
        self.alerts[alert.id], self.revisions[alert.id] = alert, self.revision


class Memory:
    """Everything but the tables: `crash` loses it."""

    def __init__(self, zones: Mapping[int, ZoneInfo], dice: random.Random) -> None:
        self._day_of = days_in(zones)
        self._dice = dice
        self._index = AlertIndex(self._day_of)
        self._tape: list[Message] = []
        self._evaluated = 0
        self._checkpoints: list[tuple[Frozen, int, int]] = []  # state, tape sequence, revision
        self.tables = Tables()
        self.crashes = 0

    def take(self, messages: Sequence[Message]) -> None:
        """Evaluate some messages of the tape, in one transaction."""
        self._tape += messages
        self._evaluate(messages)
        if self._dice.random() < 0.1:
            # Encoded when it is needed and much has changed: a thread may take that long.
            self._checkpoints.append((self._index.freeze(), self._evaluated, self.tables.revision))

    def command(self, command: Command) -> None:
        """Decide a command, in a transaction of its own."""
        action, tables = command.action, self.tables
        alert = None if isinstance(action, Create) else tables.alerts.get(action.alert)
        number = alert.instrument if alert is not None else getattr(action, "instrument", 0)
        facts = Facts(
            partition=0,
            number=len(tables.alerts) + 1,
            since=self._evaluated,
            price=self._index.price_of(number),
            prev_close=self._index.prev_close_of(number),
            day=self._index.instrument_day(number),
            active=0,
            sent=0,
            channels=getattr(action, "channels", None) or (),
            now=NOW,
        )
        decision = decide(command, alert, facts)
        tables.revision += 1
        tables.tape_sequence = self._evaluated
        tables.statuses[command.id] = decision.answer.status
        if decision.firing is not None:
            tables.firings.append(decision.firing)
        if decision.alert is not None:
            tables.write(decision.alert)
            self._index.put([decision.alert.rule])

    def crash(self) -> None:
        """Lose everything; come back from a checkpoint, an old one perhaps, or from the tables and the tape alone."""
        self.crashes += 1
        tables, at = self.tables, 0
        if self._checkpoints and self._dice.random() < 0.8:
            frozen, at, revision = self._dice.choice(self._checkpoints[-4:])
            self._index = AlertIndex.restore(self._day_of, frozen.encode())
            self._index.put([each.rule for each in self._changed_since(revision)])
        else:
            live = [each.rule for each in tables.alerts.values() if each.state.is_live]
            self._index = AlertIndex(self._day_of)
            self._index.load(RuleColumns.of(live), tables.tape_sequence)
        self._checkpoints = [each for each in self._checkpoints if each[1] <= at]
        again = [message for message in self._tape if message[0] > at]
        self._evaluated = at
        while again:
            count = self._dice.randrange(1, 8)
            self._evaluate(again[:count])
            again = again[count:]

    def _changed_since(self, revision: int) -> list[Alert]:
        return [each for each in self.tables.alerts.values() if self.tables.revisions[each.id] > revision]

    def _evaluate(self, messages: Sequence[Message]) -> None:
        tables = self.tables
        sequences = np.repeat([each for each, _ in messages], [len(events) for _, events in messages]).astype(np.int64)
        events = rows.join(events for _, events in messages)
        touches = self._index.apply(events, sequences, tables.tape_sequence)
        self._evaluated = messages[-1][0]
        numbers = {alert.number: alert for alert in tables.alerts.values()}
        touched: dict[int, Alert] = {}
        columns = (touches.number, touches.kind, touches.side, touches.price, touches.ts_event, touches.day)
        for number, kind, side, price, ts, day, sequence, row in zip(
            *(each.tolist() for each in (*columns, touches.tape_sequence, touches.row)), strict=True
        ):
            alert = touched.get(number, numbers[number])
            if not alert.state.is_live:
                continue
            terms = Terms(alert.repeat, alert.cooldown_s, alert.expires_at)
            standing, outcome = touch(terms, alert.standing, kind, side, time_of(ts), day, 0)
            touched[number] = alert._replace(**standing._asdict())
            if outcome is not None:
                tables.firings.append(_firing(alert, side, price, time_of(ts), sequence, row, outcome))
        if touched or self._dice.random() < 0.2:
            tables.revision += bool(touched)
            tables.tape_sequence = max(tables.tape_sequence, self._evaluated)
        for alert in touched.values():
            tables.write(alert)
            if alert.state is State.EXPIRED:
                self._index.remove([alert.number])


def _firing(
    alert: Alert, side: int, price: float, at: datetime, tape_sequence: int, row: int, outcome: Outcome
) -> Firing:
    return Firing(
        id=UUID(firing_id(alert.id, tape_sequence, row)),
        alert_id=alert.id,
        user=alert.user,
        symbol=alert.symbol,
        condition=alert.condition,
        threshold=alert.threshold,
        price=price,
        fired_at=at,
        side=side,
        tape_sequence=tape_sequence,
        row=row,
        outcome=outcome,
        note=alert.note,
        recorded_at=NOW,
    )
