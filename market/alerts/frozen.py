"""An index's state, out of its columns and back into them."""

from dataclasses import dataclass, fields
from typing import Any

import numpy.typing as npt

from market.alerts.columns import RuleColumns
from market.alerts.instruments import Instruments
from market.alerts.slots import Slots
from market.candles import codec

SCHEMA = 1  # one that is not this is not read; rules are loaded from where they are kept then
_OF_SLOTS, _OF_INSTRUMENTS, _OF_HELD = "slots.", "instruments.", "held."


@dataclass(frozen=True, slots=True)
class Frozen:
    """A state at one moment, which nothing changes any more; `sequence` and `row` are the tape's last."""

    slots: Slots
    instruments: Instruments
    held: RuleColumns
    sequence: int
    row: int

    def encode(self) -> bytes:
        """Write it; takes time, most of it outside the interpreter's lock."""
        columns: dict[str, npt.NDArray[Any]] = {
            **{_OF_SLOTS + name: column for name, column in self.slots.columns().items()},
            **{_OF_INSTRUMENTS + name: column for name, column in self.instruments.columns().items()},
            **{_OF_HELD + each.name: getattr(self.held, each.name) for each in fields(RuleColumns)},
        }
        facts = {"alerts": SCHEMA, "sequence": self.sequence, "row": self.row}
        return codec.encode(facts, columns)

    @classmethod
    def decode(cls, data: bytes) -> "Frozen":
        """Read what `encode` wrote; raises CodecError for anything else."""
        facts, columns = codec.decode(data)
        if facts.get("alerts") != SCHEMA:
            raise codec.CodecError(f"the state's schema of alerts is {facts.get('alerts')}, not {SCHEMA}")

        def under(prefix: str) -> dict[str, npt.NDArray[Any]]:
            return {name.removeprefix(prefix): columns[name] for name in columns if name.startswith(prefix)}

        return cls(
            Slots.of(**under(_OF_SLOTS)),
            Instruments.of(**under(_OF_INSTRUMENTS)),
            RuleColumns(**under(_OF_HELD)),
            facts["sequence"],
            facts["row"],
        )
