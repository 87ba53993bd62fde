"""`python -m tests.compiled_ahead`: compile what workers need, once for all the processes that the tests start."""

from market.candles.minutes import MinutePlanes
from market.candles.order import Sequences
from mesh.valuation_json import compile_all

if __name__ == "__main__":
    MinutePlanes()
    Sequences()
    compile_all()
