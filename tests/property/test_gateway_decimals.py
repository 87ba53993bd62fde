"""Numbers as text: whatever is put reads back as the same double, and short where it can be."""

import json
import math

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.live.decimals import put_decimal


def text_of(value: float) -> str | None:
    out = np.zeros(64, np.uint8)
    end = put_decimal(value, out, 1)
    return None if end < 0 else out[1:end].tobytes().decode()


@given(st.floats(allow_infinity=False, allow_nan=False))
@example(0.1 + 0.2)
@example(343.26 + 0.01)
@example(0.9999999999999999)
@example(999999999999999.9)
@example(0.001)
@example(-0.0)
@example(0.30000000000000004)
@example(9.999999999999999e14)
@settings(max_examples=2000)
def test_a_number_reads_back_as_itself(value: float) -> None:
    text = text_of(value)
    if value == 0 or 1e-3 <= abs(value) < 1e15:
        assert text is not None
        assert json.loads(text) == value
        assert len(text.lstrip("-").replace(".", "").lstrip("0")) <= 17
    else:
        assert text is None


@given(st.floats(1e-3, 1e15, exclude_max=True))
@settings(max_examples=2000)
def test_a_number_of_any_digits_reads_back_as_itself(value: float) -> None:
    assert json.loads(str(text_of(value))) == value


@given(st.integers(0, 10**14), st.integers(0, 8))
def test_a_number_of_few_decimals_has_no_more(digits: int, decimals: int) -> None:
    value = digits / 10**decimals
    if value == 0 or value >= 1e-3:
        assert text_of(value) == (repr(value) if value < 1e15 and "e" not in repr(value) else text_of(value))


def test_what_is_unknown_is_null() -> None:
    assert text_of(math.nan) == "null"
    assert text_of(math.inf) is None
