"""What ticks brought about, in columns: one price may touch 100,000 rules, which share most of their values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from market.alerts.alert import Firing, Outcome, Standing
from market.alerts.rule import Condition
from market.alerts.touch import Terms


class TouchedRules(NamedTuple):
    """Rules that ticks touched, with what is told of them; see `Alert` for the columns, which have one length."""

    number: Sequence[int]
    id: Sequence[UUID]
    user: Sequence[UUID]
    symbol: Sequence[str]
    condition: Sequence[str]
    threshold: Sequence[float]
    note: Sequence[str]
    channels: Sequence[Sequence[UUID]]
    terms: Sequence[Terms]
    standing: Sequence[Standing]


class Tick(NamedTuple):
    """What firings of one tick share that had one outcome; see `Firing`."""

    price: float
    fired_at: datetime
    side: int
    tape_sequence: int
    row: int
    outcome: Outcome


@dataclass(slots=True)
class Firings:
    """Firings of rules, in the order of the tape, recorded at `now`.

    Each has an id, and the places of its rule in `rules` and of its tick among `ticks`.
    """

    rules: TouchedRules
    now: datetime
    id: list[str] = field(default_factory=list)
    rule: list[int] = field(default_factory=list)
    tick: list[int] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    _places: dict[Tick, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.id)

    def add(self, firing_id: str, rule: int, tick: Tick) -> None:
        """Take a firing."""
        place = self._places.setdefault(tick, len(self.ticks))
        if place == len(self.ticks):
            self.ticks.append(tick)
        self.id.append(firing_id)
        self.rule.append(rule)
        self.tick.append(place)

    def with_outcome(self, outcome: Outcome) -> list[int]:
        """Give the places of the firings with an outcome."""
        has = [tick.outcome is outcome for tick in self.ticks]
        return [at for at, tick in enumerate(self.tick) if has[tick]]

    def told(self) -> list[int]:
        """Choose what becomes a message: all that are sent, and of each user the last that the limit keeps back.

        That one stands for the others of the transaction: whoever hears it looks in the tables. A crash may touch a
        thousand alerts of a user, all but ten of which are kept back.
        """
        user = self.rules.user
        kept_back = {user[self.rule[at]]: at for at in self.with_outcome(Outcome.LIMIT)}
        return [*self.with_outcome(Outcome.SENT), *kept_back.values()]

    def firing(self, at: int) -> Firing:
        """Give one firing by itself."""
        rules, rule, tick = self.rules, self.rule[at], self.ticks[self.tick[at]]
        return Firing(
            id=UUID(self.id[at]),
            alert_id=rules.id[rule],
            user=rules.user[rule],
            symbol=rules.symbol[rule],
            condition=Condition(rules.condition[rule]),
            threshold=rules.threshold[rule],
            price=tick.price,
            fired_at=tick.fired_at,
            side=tick.side,
            tape_sequence=tick.tape_sequence,
            row=tick.row,
            outcome=tick.outcome,
            note=rules.note[rule],
            recorded_at=self.now,
        )
