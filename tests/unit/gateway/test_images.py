import math

import msgspec
import numpy as np
import pytest

from gateway.images import depth_image, from_iso, iso, quote_image
from market import rows
from market.book import LEVELS
from market.instrument import Instrument, InstrumentId, Listing
from market.row_type import Rows
from market.symbols import SymbolKey

BRK = Instrument(InstrumentId(7), Listing(SymbolKey("XNYS", "BRK.B"), "Berkshire Hathaway Inc. Class B"))
NOON_NS = 1_774_794_605_000_000_000


def state(**values: float) -> Rows:
    row = rows.STATE.blank(1)
    for name, value in values.items():
        row[name] = value
    return row


def test_an_image_names_every_field_of_the_state() -> None:
    values = {name: float(at) for at, name in enumerate(rows.STATE_FIGURES, start=1)}
    image = quote_image(BRK, state(**values, sequence=5, ts_event=NOON_NS, ts_recv=NOON_NS + 1))
    assert image == {
        "symbol": "XNYS:BRK.B",
        **values,
        "seq": 5,
        "ts_event": "2026-03-29T14:30:05.000000000Z",
        "ts_recv": "2026-03-29T14:30:05.000000001Z",
    }
    prices = {"bid", "ask", "last", "open", "high", "low", "prev_close"}
    assert set(rows.STATE_FIGURES) == prices | {"bid_size", "ask_size", "last_size", "volume"}


def test_what_is_unknown_is_null_and_no_number_is_lost() -> None:
    image = quote_image(BRK, state(bid=math.nan, ask=0.1 + 0.2, bid_size=0, sequence=2**53 - 1))
    assert image["bid"] is None
    assert image["bid_size"] == 0.0
    assert (image["ts_event"], image["ts_recv"]) == (None, None)
    again = msgspec.json.decode(msgspec.json.encode(image))
    assert (again["ask"], again["seq"]) == (0.1 + 0.2, 2**53 - 1)


def test_depth_shows_the_levels_that_are_there_best_first() -> None:
    levels = rows.LEVEL.blank(2 * LEVELS)
    levels["price"] = np.nan
    for at, price, size, orders in ((0, 10.0, 300, 3), (1, 9.5, 100, 1), (LEVELS, 10.5, 200, 2)):
        levels["price"][at], levels["size"][at], levels["orders"][at] = price, size, orders
    assert depth_image(levels) == {"bids": [(10.0, 300.0, 3), (9.5, 100.0, 1)], "asks": [(10.5, 200.0, 2)]}


def test_without_depth_both_sides_are_empty() -> None:
    assert depth_image(rows.LEVEL.blank(0)) == {"bids": [], "asks": []}


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-03-29T14:30:05Z", 0),
        ("2026-03-29T14:30:05.000Z", 0),
        ("2026-03-29T14:30:05.5Z", 500_000_000),
        ("2026-03-29T14:30:05,5Z", 500_000_000),
        ("2026-03-29T14:30:05.000000001Z", 1),
        ("2026-03-29T16:30:05.000001+02:00", 1000),
        ("2026-03-29T10:30:05.25-0400", 250_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond_in_any_zone(text: str, ns: int) -> None:
    assert from_iso(text) == NOON_NS + ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1774794605",
        "2026-03-29",
        "2026-03-29T14:30:05",  # whose local time?
        "2026-03-29T14:30:05.123",
        "2026-03-29T14:30:05.Z",
        "2026-03-29T14:30:05.1234567890Z",
        "2026-03-29T14.5Z",  # half past two, not half a second past
        "2026-03-29T14:30:05+00:00:00.5",
        "2026-02-30T14:30:05Z",
        "2026-03-29T25:30:05Z",
        "2026-03-29T14:30:60Z",
        "٢٠٢٦-٠٣-٢٩T14:30:05Z",
        "2026-03-29T14:30:05Z ",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "x" * 60_000,
    ],
)
def test_what_is_no_time_is_refused_in_few_words(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        from_iso(text)
    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 250


def test_no_time_is_none() -> None:
    assert iso(0) is None
