"""A fold's state, out of its columns and back into them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from market.candles import codec
from market.candles.bars import BLANK, DTYPES, NAMES, PRICES, Bars
from market.candles.copies import Column
from market.candles.ladder import SLOTS, Ladder, Slot
from market.candles.minutes import NO_MINUTE, PLANES
from market.candles.places import PlaceTable
from market.candles.sessions import Window
from market.candles.timeframe import Session, Timeframe

_OF_PRICED = ("first_ns", "last_ns", *PRICES)  # zero in bytes where no trade formed a price, where no time is zero


@dataclass(frozen=True, slots=True)
class Frozen:
    """A state at one moment, which nothing changes any more."""

    facts: Mapping[str, Any]
    columns: Mapping[str, Column]

    def encode(self) -> bytes:
        """Write it; takes time, most of it outside the interpreter's lock."""
        columns = dict(self.columns)
        for name in self.columns:
            group, _, kind = name.rpartition(".")
            if group and kind in _OF_PRICED:
                columns[name] = np.where(self.columns[f"{group}.last_ns"] >= 0, self.columns[name], 0)
        return codec.encode(self.facts, columns)

    @classmethod
    def decode(cls, data: bytes) -> "Frozen":
        """Read what `encode` wrote; raises CodecError for anything else."""
        facts, columns = codec.decode(data)
        for name in [name for name in columns if name.endswith(".last_ns")]:
            group, is_blank = name.removesuffix(".last_ns"), columns[name] == 0
            for kind in _OF_PRICED:
                # Columns are read as narrow as they were written; a number of Python's would be made as narrow.
                columns[f"{group}.{kind}"] = np.where(is_blank, DTYPES[kind](BLANK[kind]), columns[f"{group}.{kind}"])
        return cls(facts, columns)

    @property
    def enlisted(self) -> tuple[npt.NDArray[np.uint32], list[str]]:
        """The numbers of all places, in order, and their venues."""
        venues = self.facts["venues"]
        return self.columns["numbers"], [venues[at] for at in self.columns["venue"].tolist()]


def freeze(table: PlaceTable, ladder: Ladder, facts: Mapping[str, Any], more: Mapping[str, Column]) -> Frozen:
    """Copy what is in use; blank planes and slots are left out. `more` columns are kept as they are."""
    used = len(table)
    columns: dict[str, Column] = {
        **more,
        "numbers": table.numbers.copy(),
        "venue": table.venue.copy(),
        "sequence": table.sequences.last[:used].copy(),
        "ts_event": table.ts_event[:used].copy(),
        "ts_recv": table.ts_recv[:used].copy(),
    }
    slots = [slot for slot in SLOTS if any(ladder.window[slot])]
    bars = {_plane(minute & 3): ladder.planes.of(minute).take(slice(used)) for minute in ladder.planes.filled}
    bars |= {_name(slot): ladder.settled(slot).take(slice(used)) for slot in slots}
    for group, copy in ladder.copies.take(bars).items():
        columns |= {f"{group}.{name}": column for name, column in copy.items()}
    windows = {_name(slot): [window and list(window) for window in ladder.window[slot]] for slot in slots}
    return Frozen(
        {
            **facts,
            "first_minute": ladder.first_minute,
            "hidden": [sorted(keys) for keys in ladder.hidden],
            "venues": list(table.venues),
            "minutes": list(ladder.planes.minute),
            "windows": windows,
        },
        columns,
    )


def thaw(frozen: Frozen, table: PlaceTable, ladder: Ladder) -> None:
    """Write a state into the columns of a fold that has the same places."""
    used, columns, facts = len(table), frozen.columns, frozen.facts
    table.sequences.last[:used] = columns["sequence"]
    table.ts_event[:used], table.ts_recv[:used] = columns["ts_event"], columns["ts_recv"]
    ladder.planes.minute[:] = facts["minutes"]
    ladder.first_minute = facts["first_minute"]
    for hidden, keys in zip(ladder.hidden, facts["hidden"], strict=True):
        hidden.update((Timeframe(timeframe), Session(session), start_ns) for timeframe, session, start_ns in keys)
    for plane in range(PLANES):
        if ladder.planes.minute[plane] != NO_MINUTE:
            _fill(ladder.planes.bars.take(plane), _plane(plane), frozen, used)
    for slot in SLOTS:
        if _name(slot) in facts["windows"]:
            windows = facts["windows"][_name(slot)]
            ladder.window[slot][:] = [window and Window(window[0], window[1], Session(window[2])) for window in windows]
            _fill(ladder.settled(slot), _name(slot), frozen, used)


def _name(slot: Slot) -> str:
    return f"{slot[0].text}-{slot[1]}"


def _plane(at: int) -> str:
    return f"plane{at}"


def _fill(bars: Bars, group: str, frozen: Frozen, used: int) -> None:
    for name in NAMES:
        getattr(bars, name)[:used] = frozen.columns[f"{group}.{name}"]
