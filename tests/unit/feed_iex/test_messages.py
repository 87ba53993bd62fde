"""TOPS messages to rows: every type, flag and code, and each reason to refuse one."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from market import rows
from market.codes import NO_INSTRUMENT, Condition, CorrectionFlag, Kind, QuoteFlag, TradingState
from market.row_type import Rows
from workers.feed.adapter import SourceFaults
from workers.feed.iex import instruments
from workers.feed.iex.instruments import SymbolTable
from workers.feed.iex.packet import Packet
from workers.feed.iex.segments import MessageBlock, SegmentReader
from workers.feed.iex.tops import Decoder


class Bench:
    """A decoder, and messages put through it."""

    def __init__(self, wire: SimpleNamespace) -> None:
        self.wire = wire
        self.faults, self.seen = SourceFaults(), Counter[str]()
        self.decoder = Decoder(SymbolTable(), self.faults, self.seen)
        self.symbols: list[str] = []

    def decode(self, *messages: bytes) -> Rows:
        block = MessageBlock()
        frame = self.wire.frame(self.wire.ipv4(self.wire.segment(list(messages))))
        SegmentReader(self.faults, Counter()).add(Packet(0, 0, frame), block)
        events, listed = self.decoder.decode(block)
        self.symbols += [listing.key.symbol for listing in listed]
        return events

    def one(self, message: bytes, kind: Kind) -> np.void:
        picked, _ = rows.of_kind(self.decode(message), kind)
        assert len(picked) == 1
        return picked[0]

    def states(self, *messages: bytes) -> list[tuple[int, bytes]]:
        picked, _ = rows.of_kind(self.decode(*messages), Kind.STATUS)
        return list(zip(picked["state"].tolist(), picked["reason"].tolist(), strict=True))


@pytest.fixture
def bench(wire: SimpleNamespace) -> Bench:
    return Bench(wire)


@pytest.mark.parametrize(
    ("code", "flags"),
    [(0, 0), (0x40, QuoteFlag.EXTENDED_HOURS), (0x80, QuoteFlag.HALTED), (0xC0, 3), (0x3F, 0)],
)
def test_quote(wire: SimpleNamespace, bench: Bench, code: int, flags: int) -> None:
    row = bench.one(wire.quote("BRK.B", (174_8012, 5), (174_9019, 4_294_967_295), code), Kind.QUOTE)
    assert bench.symbols == ["BRK.B"]
    assert row.tolist() == (2, flags, 0, 0, wire.sent_ns, 0, 174.8012, 5.0, 174.9019, 4_294_967_295.0)


def test_a_side_of_zero_is_no_side(wire: SimpleNamespace, bench: Bench) -> None:
    row = bench.one(wire.quote(bid=(0, 0)), Kind.QUOTE)
    assert np.isnan(row["bid"])
    assert (row["bid_size"], row["ask"], row["ask_size"]) == (0, 101.0, 200)


@pytest.mark.parametrize(
    ("code", "conditions"),
    [
        (0x80, Condition.INTERMARKET_SWEEP),
        (0x40, Condition.EXTENDED_HOURS),
        (0x20, Condition.ODD_LOT),
        (0x10, Condition.TRADE_THROUGH_EXEMPT),
        (0x08, Condition.SINGLE_PRICE_CROSS),
        (0xFF, 31),
        (0x00, 0),
    ],
)
def test_trade(wire: SimpleNamespace, bench: Bench, code: int, conditions: int) -> None:
    row = bench.one(wire.trade(price=1, size=3, trade_id=2**62, code=code), Kind.TRADE)
    assert row.tolist() == (1, 0, 0, 0, wire.sent_ns, 0, 0.0001, 3.0, 2**62, conditions)


def test_a_break_busts_the_latest_trade_of_its_number(wire: SimpleNamespace, bench: Bench) -> None:
    bench.decode(wire.trade(trade_id=7, time_ns=wire.sent_ns - 9), wire.trade(trade_id=8, time_ns=wire.sent_ns - 8))
    events = bench.decode(
        wire.trade(kind="B", trade_id=7, price=100_0000, size=50),
        wire.trade(trade_id=7, time_ns=wire.sent_ns - 1),
        wire.trade(kind="B", trade_id=7),
        wire.trade(kind="B", trade_id=99),
    )
    corrections, _ = rows.of_kind(events, Kind.CORRECTION)
    assert corrections["ts_trade"].tolist() == [wire.sent_ns - 9, wire.sent_ns - 1, 0]
    assert corrections["flags"].tolist() == [CorrectionFlag.BUST] * 3
    assert (corrections["price"][0], corrections["size"][0], corrections["trade_id"][0]) == (100.0, 50.0, 7)


def test_only_so_many_trades_are_remembered(
    wire: SimpleNamespace, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instruments, "MAX_TRADES", 3)
    times = instruments.TradeTimes()
    for number in range(5):
        times.add(np.array([number]), np.array([100 + number]))
    assert [times.find(number) for number in range(5)] == [0, 0, 102, 103, 104]


def test_system_events(wire: SimpleNamespace, bench: Bench) -> None:
    events = bench.decode(*(wire.system(code) for code in "OSRMEC"))
    assert events["instrument"].tolist() == [NO_INSTRUMENT] * 4
    statuses, _ = rows.of_kind(events, Kind.STATUS)
    assert statuses["state"].tolist() == [
        TradingState.SYSTEM_START,
        TradingState.REGULAR_OPEN,
        TradingState.REGULAR_CLOSE,
        TradingState.SYSTEM_END,
    ]
    assert statuses["until"].tolist() == [0] * 4
    assert np.isnan(statuses["value"]).all()
    assert bench.seen["no row: S O"] == bench.seen["no row: S C"] == 1


def test_trading_statuses(wire: SimpleNamespace, bench: Bench) -> None:
    reasons = (("H", b"T1"), ("P", b""), ("O", b"IPO2"), ("T", b""))
    assert bench.states(*(wire.status(code, reason=reason) for code, reason in reasons)) == [
        (TradingState.HALTED, b"T1      "),
        (TradingState.PAUSED, b"        "),
        (TradingState.ORDER_ACCEPTANCE, b"IPO2    "),
        (TradingState.TRADING, b"        "),
    ]


def test_an_operational_halt_and_a_trading_halt_each_stop_trading(wire: SimpleNamespace, bench: Bench) -> None:
    halt, free = (wire.head("O", ord(code), "ZIEXT", wire.sent_ns) for code in "ON")
    news = wire.status("H", reason=b"T1")
    assert bench.states(free, halt, halt, free) == [
        (TradingState.HALTED, b"OPHALT  "),
        (TradingState.TRADING, b"        "),
    ]
    assert bench.seen["no row: O N"] == bench.seen["no row: O O"] == 1
    assert bench.states(halt, news, free, wire.status("T")) == [
        (TradingState.HALTED, b"OPHALT  "),
        (TradingState.HALTED, b"OPHALT  "),
        (TradingState.HALTED, b"T1      "),
        (TradingState.TRADING, b"        "),
    ]


def test_short_sale_price_tests(wire: SimpleNamespace, bench: Bench) -> None:
    tests = [wire.head("P", on, "ZIEXT", wire.sent_ns) + detail for on, detail in ((1, b"A"), (0, b"D"), (0, b" "))]
    assert bench.states(*tests) == [
        (TradingState.SHORT_SALE_RESTRICTED, b"A       "),
        (TradingState.SHORT_SALE_UNRESTRICTED, b"D       "),
        (TradingState.SHORT_SALE_UNRESTRICTED, b"        "),
    ]


def test_messages_without_a_row_are_counted_and_a_directory_lists(wire: SimpleNamespace, bench: Bench) -> None:
    lengths = {"D": 31, "X": 26, "A": 80, "E": 18, "I": 18}
    messages = [wire.head(kind, 0, f"Z{kind}", wire.sent_ns).ljust(length, b"\1") for kind, length in lengths.items()]
    assert len(bench.decode(*messages)) == 0
    assert bench.symbols == ["ZD"]
    assert bench.seen == {"messages": 5, "rows": 0} | {f"no row: {kind}": 1 for kind in lengths}


def test_instruments_are_numbered_as_they_appear_across_types(wire: SimpleNamespace, bench: Bench) -> None:
    first = bench.decode(wire.trade("C"), wire.quote("A"), wire.status("T", "B"), wire.quote("C"))
    assert first["instrument"].tolist() == [0, 1, 2, 0]
    assert bench.decode(wire.quote("D"), wire.quote("B"))["instrument"].tolist() == [3, 2]
    assert bench.symbols == ["C", "A", "B", "D"]


def test_longer_messages_than_known_are_read(wire: SimpleNamespace, bench: Bench) -> None:
    events = bench.decode(wire.quote("A") + b"new fields", wire.quote("B"))
    assert events["kind"].tolist() == [Kind.QUOTE, Kind.QUOTE]
    assert bench.faults.counts == {}


def refused(wire: SimpleNamespace) -> list[tuple[str, bytes]]:
    day_ns = 86_400 * 1_000_000_000
    bound = 10_000_000 * 10_000
    price, size = "message: price out of bounds", "message: price without size or size without price"
    symbol, time = "message: symbol is not ASCII text", "message: time is not near its segment's"
    return [
        ("message: unknown type", b"Z" + bytes(40)),
        ("message: too short", b""),
        ("message: too short", wire.quote()[:-1]),
        ("message: too short", wire.system("S")[:-1]),
        (price, wire.quote(bid=(-1, 100))),
        (price, wire.quote(ask=(bound + 1, 100))),
        (price, wire.trade(price=0)),
        (price, wire.trade(price=-1, kind="B")),
        (size, wire.quote(bid=(0, 100))),
        (size, wire.quote(ask=(100_0000, 0))),
        ("message: trade without size or identifier", wire.trade(size=0)),
        ("message: trade without size or identifier", wire.trade(trade_id=-1)),
        ("message: unknown code", wire.status("X")),
        ("message: unknown code", wire.system("X")),
        ("message: unknown code", wire.head("O", ord("X"), "ZIEXT", wire.sent_ns)),
        ("message: unknown code", wire.head("P", 2, "ZIEXT", wire.sent_ns) + b" "),
        ("message: unknown code", wire.head("P", 1, "ZIEXT", wire.sent_ns) + b"?"),
        ("message: reason is not ASCII text", wire.status("H", reason=b"T\x80")),
        (symbol, wire.quote("")),
        (symbol, wire.quote("A B")),
        (symbol, wire.quote("\x7f")),
        (symbol, wire.quote("é")),
        (symbol, wire.quote("A\0")),
        (time, wire.quote(time_ns=wire.sent_ns + day_ns + 1)),
        (time, wire.quote(time_ns=wire.sent_ns - day_ns - 1)),
        (time, wire.quote(time_ns=-(2**63))),
        (time, wire.quote(time_ns=2**63 - 1)),
    ]


def test_refused_messages_are_counted_named_and_leave_the_others(wire: SimpleNamespace) -> None:
    for reason, message in refused(wire):
        bench = Bench(wire)
        events = bench.decode(wire.quote("A"), message, wire.quote("B"))
        assert events["instrument"].tolist() == [0, 1], reason
        assert bench.symbols == ["A", "B"], reason
        assert bench.faults.counts == {reason: 1}
        assert bench.faults.last.endswith(f"message at offset {42 + 40 + 2 + 42 + 2}"), bench.faults.last


def test_a_wild_send_time_vouches_for_no_message(wire: SimpleNamespace) -> None:
    block, faults = MessageBlock(), SourceFaults()
    segment = wire.segment([wire.quote(time_ns=2**63 - 1)], sent_ns=-(2**63))
    SegmentReader(faults, Counter()).add(Packet(0, 0, wire.frame(wire.ipv4(segment))), block)
    events, listed = Decoder(SymbolTable(), faults, Counter()).decode(block)
    assert len(events) == len(listed) == 0
    assert faults.counts == {"message: time is not near its segment's": 1}


def test_symbols_are_bounded(wire: SimpleNamespace, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "MAX_INSTRUMENTS", 2)
    events = bench.decode(wire.quote("A"), wire.quote("B"), wire.quote("C"), wire.quote("A"))
    assert events["instrument"].tolist() == [0, 1, 0]
    assert bench.faults.counts == {"message: too many symbols": 1}


def test_prices_are_the_nearest_doubles(wire: SimpleNamespace, bench: Bench) -> None:
    prices = [1, 3, 19_9999, 1_2345, 9_999_999_9999]
    events = bench.decode(*(wire.trade(price=price, trade_id=price) for price in prices))
    trades, _ = rows.of_kind(events, Kind.TRADE)
    assert trades["price"].tolist() == [0.0001, 0.0003, 19.9999, 1.2345, 9_999_999.9999]
