"""The image of a market: what of it is due, and what its present value is."""

import numpy as np

from market import rows
from market.book import BOOK_BYTES
from market.codes import Side
from market.row_type import Rows
from market.state import MarketState
from market.trading_day import TradingDays
from workers.feed.adapter import no_levels
from workers.feed.image import MarketImage

MS_NS = 1_000_000


def image(quote_ms: int = 20, depth_ms: int = 100) -> MarketImage:
    made = MarketImage(MarketState(1, TradingDays("UTC")), quote_ms * MS_NS, depth_ms * MS_NS)
    made.reserve(4)
    return made


def trades(*instruments: int) -> Rows:
    made = rows.TRADE.blank(len(instruments))
    made["instrument"], made["ts_event"], made["price"], made["size"] = instruments, 10**18, 5.0, 1.0
    return rows.join([made])


def levels(*instruments: int) -> Rows:
    made = rows.LEVEL.blank(len(instruments))
    made["instrument"], made["side"], made["price"] = instruments, Side.BID, 4.5
    return made


def test_a_change_is_due_at_once_then_once_a_window() -> None:
    market, now_ns = image(), 10**18
    market.apply(trades(1, 2, 1), no_levels())
    numbers, states = market.due_quotes(now_ns)
    assert numbers.tolist() == states["instrument"].tolist() == [1, 2]
    market.apply(trades(1), no_levels())
    assert len(market.due_quotes(now_ns + 19 * MS_NS)[0]) == 0
    assert market.has_pending
    numbers, states = market.due_quotes(now_ns + 20 * MS_NS)
    assert numbers.tolist() == [1]
    assert states["volume"].tolist() == [3.0]
    assert not market.has_pending


def test_depth_has_a_window_of_its_own() -> None:
    market, now_ns = image(), 10**18
    market.apply(trades(3), levels(3))
    assert market.due_depth(now_ns)[0].tolist() == [3]
    market.apply(trades(), levels(3, 2))
    market.due_quotes(now_ns)
    assert market.has_pending
    numbers, books = market.due_depth(now_ns + 50 * MS_NS)
    assert numbers.tolist() == [2]
    assert books.shape == (1, BOOK_BYTES)
    assert market.due_depth(now_ns + 100 * MS_NS)[0].tolist() == [3]


def test_levels_carry_the_sequence_of_the_state_they_came_with() -> None:
    market = image()
    changed = levels(1, 2)
    market.apply(trades(1, 1), changed)
    assert changed["sequence"].tolist() == [(1 << 32) + 2, 1 << 32]


def test_after_a_break_everything_known_is_due_again_and_nothing_else() -> None:
    market, now_ns = image(), 10**18
    market.apply(trades(0, 2), levels(2))
    market.due_quotes(now_ns)
    market.due_depth(now_ns)
    market.mark_all()
    assert market.due_quotes(now_ns + 10**9)[0].tolist() == [0, 2]
    assert market.due_depth(now_ns + 10**9)[0].tolist() == [2]


def test_the_present_value_is_the_state_and_the_book_where_there_is_one() -> None:
    market = image()
    market.apply(trades(1, 2), levels(2))
    without, with_depth = market.present(1), market.present(2)
    assert without == market.state.snapshot(np.array([1])).tobytes()
    assert with_depth[: rows.STATE.width_bytes] == market.state.snapshot(np.array([2])).tobytes()
    book = rows.LEVEL.read(with_depth[rows.STATE.width_bytes :])
    assert len(book) == 20
    assert book["price"][0] == 4.5
