"""`python -m tests.compiled_ahead`: compile what workers need, once for all the processes that the tests start."""

import numpy as np

from market.alerts.index import AlertIndex
from market.candles.minutes import MinutePlanes
from market.candles.order import Sequences
from mesh.valuation_json import compile_all

if __name__ == "__main__":
    AlertIndex(lambda instruments, _: np.zeros(len(instruments), np.int32))
    MinutePlanes()
    Sequences()
    compile_all()
