"""Rules in columns, and what ticks touch of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from market.alerts.rule import Condition, Reference, Repeat, Rule, State

F8 = npt.NDArray[np.float64]
I1 = npt.NDArray[np.int8]
I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]
U1 = npt.NDArray[np.uint8]
U4 = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Slotted = Places | U4

DayOf = Callable[[U4, I8], I4]
"""Trading days, as ordinals, of times of events (ns) at instruments."""

Own = TypeVar("Own", bound="_Columns")


def roomy(size: int) -> int:
    """Say how long to make a column that has to hold `size` and may have to hold more; what is spare takes no memory.

    The system gives memory where it is written to: of long columns, room to spare is but an address.
    """
    return size + size // 4 + 64


class TouchKind(IntEnum):
    """What a touch is: a rule fires, or is armed again as the price came back."""

    FIRE = 1
    REARM = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Columns of one length."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self: Own, places: Places | Bools | slice) -> Own:
        """Pick some."""
        return type(self)(*(getattr(self, each.name)[places] for each in fields(self)))

    @classmethod
    def concat(cls: type[Own], parts: Iterable[Own]) -> Own:
        """Put one after the other."""
        several = list(parts)
        return cls(*(np.concatenate([getattr(part, each.name) for part in several]) for each in fields(cls)))


@dataclass(frozen=True, slots=True, eq=False)
class RuleColumns(_Columns):
    """Rules, a column for each field of `Rule`; enums as their codes."""

    number: I8
    instrument: U4
    condition: U1
    threshold: F8
    reference: U1
    reference_price: F8
    repeat: U1
    state: U1
    waiting_side: I1
    since: I8
    fired_day: I4

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> "RuleColumns":
        """Write rules into columns."""
        several = list(rules)

        def column(name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
            return np.array([getattr(each, name) for each in several], dtype)

        def codes(name: str) -> U1:
            return np.array([getattr(each, name).code for each in several], np.uint8)

        return cls(
            number=column("number", np.int64),
            instrument=column("instrument", np.uint32),
            condition=codes("condition"),
            threshold=column("threshold", np.float64),
            reference=codes("reference"),
            reference_price=column("reference_price", np.float64),
            repeat=codes("repeat"),
            state=codes("state"),
            waiting_side=column("waiting_side", np.int8),
            since=column("since", np.int64),
            fired_day=column("fired_day", np.int32),
        )

    def rules(self) -> list[Rule]:
        """Read the rules back."""
        enums: dict[str, type[Condition] | type[Reference] | type[Repeat] | type[State]] = {
            "condition": Condition,
            "reference": Reference,
            "repeat": Repeat,
            "state": State,
        }
        columns: list[list[Any]] = []
        for each in fields(self):
            values = getattr(self, each.name).tolist()
            members = list(enums[each.name]) if each.name in enums else None
            columns.append(values if members is None else [members[value] for value in values])
        return [Rule(*values) for values in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Touches(_Columns):
    """What ticks touched, in the order of the tape, then of rule numbers; a re-arming stands before its firing.

    `kind` are codes of `TouchKind`; `side` is +1 for the upper line, -1 for the lower one; `price`, `ts_event` (ns)
    and `tape_sequence` are the tick's, `row` its place in its tape message, `day` the instrument's trading day then.
    """

    number: I8
    kind: U1
    side: I1
    price: F8
    ts_event: I8
    day: I4
    tape_sequence: I8
    row: I4

    @classmethod
    def none(cls) -> "Touches":
        """Give no touches."""
        columns: list[npt.NDArray[Any]] = [np.zeros(0, dtype) for dtype in _DTYPES]
        return cls(*columns)


_DTYPES = (np.int64, np.uint8, np.int8, np.float64, np.int64, np.int32, np.int64, np.int32)
