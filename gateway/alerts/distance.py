"""How far an alert is from firing. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from market.alerts.rule import Condition, Reference, Rule

_DECIMALS = 4


def distance_percent(alert: Mapping[str, Any], last: float, prev_close: float) -> float | None:
    """Give by how many per cent the last price has to move to touch the nearer of an alert's lines, downwards below 0.

    `alert` is as clients see it. None where a price that it takes is not known (NaN).
    """
    rule = Rule(
        0,
        0,
        Condition(alert["condition"]),
        alert["threshold"],
        Reference(alert["reference"]),
        alert["reference_price"] or 0.0,
    )
    lines = [line for line in rule.lines(None if math.isnan(prev_close) else prev_close) if math.isfinite(line)]
    if not lines or not last > 0:
        return None
    nearest = min(lines, key=lambda line: abs(line - last))
    return round(100 * (nearest / last - 1), _DECIMALS)
