"""The lines of many rules at once, the keys under which they wait for prices, and what a price makes of them."""

from typing import NamedTuple

import numpy as np

from market.alerts.columns import F8, I1, I4, Bools, Places
from market.alerts.rule import HYSTERESIS, Condition, Repeat, factors
from market.alerts.slots import ARMED, DORMANT, FREE, WAITING, Slots

_ABOVE, _BELOW, _CHANGE_PCT = (each.code for each in (Condition.ABOVE, Condition.BELOW, Condition.CHANGE_PCT))
_PHASE_AFTER = np.zeros(len(Repeat), np.uint32)
_PHASE_AFTER[[Repeat.ONCE.code, Repeat.DAILY.code, Repeat.EVERY_CROSS.code]] = FREE, DORMANT, WAITING


class Awaited(NamedTuple):
    """The keys under which rules wait, infinite where they do not: a price or more, one or less (negative), a day.

    Those of rules that move with the previous close are in units of it; keys of what comes back from a line are then
    true but for a rounding.
    """

    up: F8
    down: F8
    day: F8


class Seen(NamedTuple):
    """What a price made of each rule, as sides: armed again as it came back from a line, and fired; 0: neither."""

    rearmed: I1
    fired: I1


def lines(slots: Slots, slot: Places, prev_close: F8) -> tuple[F8, F8]:
    """Give the prices at or above and at or below which rules fire, as `Rule.lines` does; prev_close NaN: unknown."""
    condition, threshold = slots.condition(slot), slots.threshold(slot)
    up = np.where(condition == _ABOVE, threshold, np.inf)
    down = np.where(condition == _BELOW, threshold, -np.inf)
    moving = np.flatnonzero(condition == _CHANGE_PCT)
    if len(moving):
        its = slot[moving]
        reference = np.where(slots.is_relative(its), prev_close[moving], slots.reference_price(its))
        is_known = ~np.isnan(reference) & (reference != 0)
        above, below = factors(threshold[moving])
        up[moving] = np.where(is_known, above * reference, np.inf)
        down[moving] = np.where(is_known & (below > 0), below * reference, -np.inf)
    return up, down


def awaited(slots: Slots, slot: Places) -> Awaited:
    """Give the keys under which rules wait."""
    up, down = lines(slots, slot, np.ones(len(slot)))
    phase, is_down = slots.phase(slot), slots.is_down(slot)
    is_armed, is_back_up = phase == ARMED, (phase == WAITING) & is_down
    is_back_down = (phase == WAITING) & ~is_down
    return Awaited(
        np.where(is_armed, up, np.where(is_back_up, down * (1 + HYSTERESIS), np.inf)),
        np.where(is_armed, -down, np.where(is_back_down, -(up * (1 - HYSTERESIS)), np.inf)),
        np.where(phase == DORMANT, slots.fired_day(slot) + 1.0, np.inf),
    )


def see(slots: Slots, slot: Places, price: F8, prev_close: F8, day: I4) -> Seen:
    """Let rules, each once, see a price of their instrument, and move on."""
    up, down = lines(slots, slot, prev_close)
    phase, is_down = slots.phase(slot), slots.is_down(slot)
    left = np.where(is_down, down, up)
    is_back = np.where(is_down, price >= left * (1 + HYSTERESIS), price <= left * (1 - HYSTERESIS))
    is_back &= (phase == WAITING) & np.isfinite(left)
    # What came back from one line may have reached the other; its own is out of reach.
    fired_up = (price >= up) & ((phase == ARMED) | (is_back & is_down))
    fired_down = (price <= down) & ((phase == ARMED) | (is_back & ~is_down)) & ~fired_up
    has_fired = fired_up | fired_down
    after = np.where(has_fired, _PHASE_AFTER[slots.repeat(slot)], np.where(is_back, ARMED, phase)).astype(np.uint32)
    fired_day = np.where(has_fired & (after == DORMANT), day, np.where(has_fired, 0, slots.fired_day(slot)))
    slots.set(slot, after, (after == WAITING) & np.where(has_fired, fired_down, is_down), fired_day.astype(np.int32))
    rearmed = np.where(is_down, -1, 1) * is_back
    return Seen(rearmed.astype(np.int8), (fired_up.astype(np.int8) - fired_down).astype(np.int8))


def wake(slots: Slots, slot: Places, day: I4) -> Bools:
    """Arm what is dormant and fired on an earlier day than `day`; tell which rules that were."""
    is_new: Bools = (slots.phase(slot) == DORMANT) & (slots.fired_day(slot) < day)
    own = slot[is_new]
    slots.set(own, np.full(len(own), ARMED, np.uint32), np.zeros(len(own), bool), slots.fired_day(own))
    return is_new
