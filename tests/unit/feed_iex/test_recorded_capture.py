"""The whole recorded capture, against a second decoder written with struct, one message at a time."""

import gzip
import struct
from collections import Counter
from collections.abc import Iterator
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from market import rows
from market.codes import NO_INSTRUMENT, Condition, CorrectionFlag, Kind, QuoteFlag, TradingState
from workers.feed.adapter import Batch
from workers.feed.iex.replay import FLAT_OUT, IexAdapter

Row = tuple[object, ...]

CONDITIONS = (
    (0x80, Condition.INTERMARKET_SWEEP),
    (0x40, Condition.EXTENDED_HOURS),
    (0x20, Condition.ODD_LOT),
    (0x10, Condition.TRADE_THROUGH_EXEMPT),
    (0x08, Condition.SINGLE_PRICE_CROSS),
)
SYSTEM = {"S": TradingState.SYSTEM_START, "R": TradingState.REGULAR_OPEN}
SYSTEM |= {"M": TradingState.REGULAR_CLOSE, "E": TradingState.SYSTEM_END}


@pytest.fixture(scope="module")
def replayed(tops_capture: Path) -> tuple[IexAdapter, list[Batch]]:
    adapter = IexAdapter(tops_capture, speed=FLAT_OUT)
    return adapter, list(adapter.batches(lambda: 0))


@pytest.fixture(scope="module")
def messages(tops_capture: Path) -> list[bytes]:
    return list(messages_of(gzip.decompress(tops_capture.read_bytes())))


def messages_of(capture: bytes) -> Iterator[bytes]:
    at = 24
    while at < len(capture):
        captured = struct.unpack_from("<I", capture, at + 8)[0]
        payload = capture[at + 16 + 42 : at + 16 + captured]
        at += 16 + captured
        position = 40
        for _ in range(struct.unpack_from("<H", payload, 14)[0]):
            size = struct.unpack_from("<H", payload, position)[0]
            yield payload[position + 2 : position + 2 + size]
            position += 2 + size


def expected_rows(messages: list[bytes]) -> Iterator[Row]:
    """(kind, flags, symbol, time, four values) of each message that has a row; None for an unknown price."""
    trades: dict[int, int] = {}
    status: dict[str, tuple[TradingState, bytes]] = {}
    halted: set[str] = set()
    for message in messages:
        kind, code = chr(message[0]), message[1]
        time_ns = struct.unpack_from("<q", message, 2)[0]
        symbol = message[10:18].decode().rstrip()
        if kind == "Q":
            bid_size, bid, ask, ask_size = struct.unpack_from("<IqqI", message, 18)
            flags = (QuoteFlag.HALTED if code & 0x80 else 0) | (QuoteFlag.EXTENDED_HOURS if code & 0x40 else 0)
            yield Kind.QUOTE, flags, symbol, time_ns, bid / 1e4 if bid else None, bid_size, ask / 1e4 or None, ask_size
        elif kind in "TB":
            size, price, trade_id = struct.unpack_from("<Iqq", message, 18)
            if kind == "T":
                trades[trade_id] = time_ns
                conditions = sum(condition for bit, condition in CONDITIONS if code & bit)
                yield Kind.TRADE, 0, symbol, time_ns, price / 1e4, size, trade_id, conditions
            else:
                yield (
                    Kind.CORRECTION,
                    CorrectionFlag.BUST,
                    symbol,
                    time_ns,
                    price / 1e4,
                    size,
                    trade_id,
                    trades[trade_id],
                )
        elif kind == "S" and chr(code) in SYSTEM:
            yield Kind.STATUS, 0, None, time_ns, SYSTEM[chr(code)], b" " * 8, 0, None
        elif kind == "H":
            status[symbol] = ({"H": TradingState.HALTED, "T": TradingState.TRADING}[chr(code)], message[18:22].ljust(8))
            present = (TradingState.HALTED, b"OPHALT  ") if symbol in halted else status[symbol]
            yield Kind.STATUS, 0, symbol, time_ns, *present, 0, None
        elif kind == "O" and (code == ord("O")) != (symbol in halted):
            halted ^= {symbol}
            present = (TradingState.HALTED, b"OPHALT  ") if symbol in halted else status[symbol]
            yield Kind.STATUS, 0, symbol, time_ns, *present, 0, None
        elif kind == "P":
            state = TradingState.SHORT_SALE_RESTRICTED if code else TradingState.SHORT_SALE_UNRESTRICTED
            yield Kind.STATUS, 0, symbol, time_ns, state, message[18:19].ljust(8), 0, None


def actual_rows(batches: list[Batch]) -> Iterator[Row]:
    """The same of the adapter's batches; the listing that a row names must have come before it."""
    symbols: list[str] = []
    for batch in batches:
        symbols += [listing.key.symbol for listing in batch.listed]
        by_position: list[Row] = [()] * len(batch.events)
        for kind, row_type in rows.EVENT_TYPES.items():
            picked, positions = rows.of_kind(batch.events, kind)
            row_type.check(picked)
            for position, row in zip(positions.tolist(), picked.tolist(), strict=True):
                symbol = None if row[2] == NO_INSTRUMENT else symbols[row[2]]
                values = (None if isinstance(value, float) and isnan(value) else value for value in row[6:])
                by_position[position] = (row[0], row[1], symbol, row[4], *values)
        yield from by_position


def test_counts_are_those_of_the_recording(replayed: tuple[IexAdapter, list[Batch]], messages: list[bytes]) -> None:
    adapter, batches = replayed
    kinds = Counter(np.concatenate([batch.events["kind"] for batch in batches]).tolist())
    by_type = Counter(chr(message[0]) for message in messages)

    assert adapter.seen["messages"] == len(messages) == 57_674
    assert kinds[Kind.QUOTE] == by_type["Q"] == 27_217
    assert kinds[Kind.TRADE] == by_type["T"] == 6_390
    assert kinds[Kind.CORRECTION] == by_type["B"] == 3
    assert kinds[Kind.STATUS] == 4 + 7_803 + 2 + 7_802  # system events, trading statuses, changed halts, short sales
    assert adapter.seen["no row: A"] == by_type["A"] == 642
    assert adapter.seen["no row: D"] == by_type["D"] == 10
    assert adapter.seen["packets"] == 13_022
    assert adapter.seen["heartbeats"] == 237
    assert adapter.faults.counts == {}


def test_every_row_is_what_the_second_decoder_says(
    replayed: tuple[IexAdapter, list[Batch]], messages: list[bytes]
) -> None:
    actual, expected = list(actual_rows(replayed[1])), list(expected_rows(messages))
    differing = [pair for pair in zip(actual, expected, strict=True) if pair[0] != pair[1]]
    assert differing == []


def test_known_messages_of_the_recording(replayed: tuple[IexAdapter, list[Batch]]) -> None:
    found = list(actual_rows(replayed[1]))
    first_trade = next(row for row in found if row[0] == Kind.TRADE)
    conditions = Condition.INTERMARKET_SWEEP | Condition.EXTENDED_HOURS
    assert first_trade[2:] == ("AAPL", 1_499_697_226_594_103_034, 148.91, 283, 128_140, conditions)
    broken = [row for row in found if row[0] == Kind.CORRECTION]
    assert [row[2:] for row in broken] == [
        ("ZXIET", 1_499_697_364_514_771_481, 29.99, 3860, 171_978, 1_499_697_277_643_876_560),
        ("ZEXIT", 1_499_697_388_435_891_075, 9.98, 3063, 171_918, 1_499_697_277_643_876_560),
        ("ZIEXT", 1_499_697_492_827_783_009, 19.95, 1647, 283_798, 1_499_697_453_093_799_060),
    ]
    halts = [row for row in found if row[0] == Kind.STATUS and row[4] == TradingState.HALTED]
    assert [(row[2], row[5]) for row in halts] == [
        ("MILL", b"NA      "),
        ("ZEUS", b"NA      "),
        ("KOOL", b"OPHALT  "),
        ("PATH", b"NA      "),
    ]


def test_rows_are_writable_and_leave_the_runners_fields_zero(replayed: tuple[IexAdapter, list[Batch]]) -> None:
    for batch in replayed[1]:
        assert batch.events.flags.writeable
        assert not batch.events["sequence"].any()
        assert not batch.events["ts_recv"].any()


def test_listings_name_the_venue_and_come_once(replayed: tuple[IexAdapter, list[Batch]]) -> None:
    listed = [listing for batch in replayed[1] for listing in batch.listed]
    assert len(listed) == len({listing.key for listing in listed}) == 7_799
    assert {listing.key.venue for listing in listed} == {"IEXG"}
    assert all(listing.name == listing.key.symbol and listing.currency == "USD" for listing in listed)
