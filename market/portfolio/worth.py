"""What holdings are worth, each rounded to its currency's minor unit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.portfolio.money import to_minor, usable, worth

I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Worths:
    """Holdings in minor units, i8[n] each.

    `value` is the cost where there is no price; `day_change`, since the close before, is 0 where that is not known.
    `has_previous` tells where it is.
    """

    is_priced: npt.NDArray[np.bool_]
    has_previous: npt.NDArray[np.bool_]
    cost: I8
    value: I8
    day_change: I8

    @classmethod
    def of(cls, quantity: I8, cost: I8, price: I8, previous: I8, decimals: I8 | int) -> "Worths":
        """Value holdings at their prices, all in units of 1e-8; `decimals` are those of their currencies."""
        cost, price, previous = to_minor(cost, decimals), usable(quantity, price), usable(quantity, previous)
        is_priced = price > 0
        value, before = worth(quantity, price, decimals), worth(quantity, previous, decimals)
        if not is_priced.all():
            value = np.where(is_priced, value, cost)
        has_previous = is_priced & (before > 0)
        return cls(is_priced, has_previous, cost, value, (value - before) * has_previous)
