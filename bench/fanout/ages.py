"""How old updates were, counted in steps of a tenth of a millisecond: no list of them grows, whatever comes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.processes import Figures
from market.compiled import compiled

STEP_US = 100
MOST_S = 60
_STEPS = MOST_S * 1_000_000 // STEP_US


class Ages(NamedTuple):
    """Filled in compiled code, where nothing but arrays can be changed."""

    counts: npt.NDArray[np.int64]
    """By step; the first counts ages below 0 too, the last all that are older than `MOST_S`."""
    most_us: npt.NDArray[np.int64]
    """The oldest, one item."""

    def clear(self) -> None:
        """Begin anew."""
        self.counts[:] = 0
        self.most_us[:] = np.iinfo(np.int64).min

    def figures(self) -> Figures:
        """Sum up in ms: the middle of the step that a percentile is in; all is NaN where nothing was counted."""
        total = int(self.counts.sum())
        if not total:
            return {"count": 0, "p50": float("nan"), "p99": float("nan"), "max": float("nan")}
        steps = np.searchsorted(np.cumsum(self.counts), np.ceil([total * 0.5, total * 0.99]))
        p50, p99 = ((steps + 0.5) * STEP_US / 1e3).tolist()
        return {"count": total, "p50": p50, "p99": p99, "max": int(self.most_us[0]) / 1e3}


def no_ages() -> Ages:
    """Make one that has counted nothing."""
    ages = Ages(np.zeros(_STEPS, np.int64), np.zeros(1, np.int64))
    ages.clear()
    return ages


@compiled
def count_age(counts: npt.NDArray[np.int64], most_us: npt.NDArray[np.int64], age_us: int) -> None:
    """Count one."""
    counts[min(max(age_us // STEP_US, 0), len(counts) - 1)] += 1
    most_us[0] = max(most_us[0], age_us)
