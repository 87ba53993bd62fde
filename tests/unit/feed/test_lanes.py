"""The live lanes without a connection: what is dropped is counted; and how status rows find their venues."""

import numpy as np

from market import rows
from market.codes import NO_INSTRUMENT, TradingState
from market.instrument import Instrument, InstrumentId, Listing
from market.row_type import Rows
from market.symbols import SymbolKey
from mesh.bulk_client import BulkClient
from workers.feed.lanes import LiveLanes, status_by_venue


def status(*instruments: int) -> Rows:
    made = rows.STATUS.blank(len(instruments))
    made["instrument"], made["state"] = instruments, TradingState.HALTED
    return rows.join([made])


async def test_while_nats_is_away_messages_are_dropped_and_counted() -> None:
    lanes = LiveLanes(BulkClient())
    lanes.add([Instrument(InstrumentId(at), Listing(SymbolKey("XNAS", f"S{at}"), "")) for at in range(3)])
    numbers = np.arange(3)
    trades = rows.TRADE.blank(4)
    trades["instrument"] = [0, 1, 0, 2]
    lanes.quotes(numbers, rows.STATE.blank(3))
    lanes.trades(rows.join([trades]))
    lanes.alive("XNAS", 1)
    await lanes.send()
    assert (lanes.published, lanes.dropped) == (0, 3 + 3 + 1)
    await lanes.send()
    assert lanes.dropped == 7


def test_nothing_to_say_is_no_message() -> None:
    lanes = LiveLanes(BulkClient())
    lanes.quotes(np.zeros(0, np.intp), rows.STATE.blank(0))
    lanes.depth(np.zeros(0, np.intp), np.zeros((0, 1240), np.uint8))
    lanes.trades(rows.join([rows.QUOTE.blank(2)]))
    assert lanes.dropped == lanes.published == 0


def test_status_rows_go_to_their_venue_and_those_about_no_instrument_to_all() -> None:
    venue_of = np.array([0, 1, 0, -1], np.int16)
    events = rows.join([rows.QUOTE.blank(1), status(0, 1, NO_INSTRUMENT, 2)])
    sorted_rows = dict(status_by_venue(events, ["XNAS", "XNYS"], venue_of))
    assert {venue: each["instrument"].tolist() for venue, each in sorted_rows.items()} == {
        "XNAS": [0, NO_INSTRUMENT, 2],
        "XNYS": [1, NO_INSTRUMENT],
    }
    assert len(rows.STATUS.read(sorted_rows["XNAS"].tobytes())) == 3


def test_a_batch_without_status_rows_has_none_for_any_venue() -> None:
    assert status_by_venue(rows.join([rows.TRADE.blank(2)]), ["XNAS"], np.zeros(1, np.int16)) == []


def test_a_venue_that_nothing_is_about_has_no_rows() -> None:
    assert [venue for venue, _ in status_by_venue(status(0), ["XNAS", "XNYS"], np.zeros(1, np.int16))] == ["XNAS"]
