"""`subjects.md` against the code: layouts, codes, names, examples, streams, accounts, figures."""

import inspect
import json
import re
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from uuid import UUID

import msgpack
import numpy as np
import pytest
from msgspec.structs import fields

from infra.local.nats_service import TEMPLATE
from market import book, codes, rows, state, subjects
from market.candles.timeframe import Timeframe
from market.row_type import RowType
from market.symbols import MAX_SYMBOL_BYTES, SymbolKey, from_token, to_token
from mesh import tape_publisher
from mesh.settings import MeshSettings
from mesh.specs import KeyValueSpec, ObjectsSpec, StreamSpec
from mesh.streams import declared
from workers.feed import snapshot_service
from workers.feed.settings import FeedSettings

PAGE = "subjects.md"
TableUnder = Callable[[str, str], list[list[str]]]
LinesUnder = Callable[[str, str], list[str]]
CodeIn = Callable[[str], list[tuple[str, str]]]

by_name = pytest.mark.parametrize("row_type", rows.ROW_TYPES, ids=lambda row_type: row_type.kind.name)


def quoted(cell: str) -> str:
    match = re.fullmatch(r"`(.+)`", cell)
    assert match, f"{cell!r} is not quoted"
    return match[1]


def decoded(data: bytes) -> list[list[object]]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    return list(unpacker)


@by_name
def test_layout_is_the_codes(row_type: RowType, table_under: TableUnder) -> None:
    head, *documented = table_under(PAGE, row_type.kind.name)
    header_bytes = row_type.offsets["kind"] - 1
    assert head[:3] == ["0", str(header_bytes), f"`{row_type.template[:header_bytes].hex(' ')}`"]
    assert head[6] == f"{len(row_type.fields)} elements follow"
    expected = [
        [str(row_type.offsets[name] - 1), str(encoding.width_bytes), f"`{encoding.marker:02x}`", encoding.text, name]
        for name, encoding in row_type.fields
    ]
    assert [[*row[:4], quoted(row[4])] for row in documented] == expected
    assert documented[0][6] == str(row_type.kind.value)


@by_name
def test_every_field_says_its_unit_and_meaning(row_type: RowType, table_under: TableUnder) -> None:
    for row in table_under(PAGE, row_type.kind.name)[1:]:
        assert row[6], f"{row_type.kind.name}: {row[4]} has no meaning"
        if row[4].startswith(("`ts_", "`until")):
            assert row[5] == "ns"


@by_name
def test_example_decodes_to_what_is_written(row_type: RowType, lines_under: LinesUnder, code_in: CodeIn) -> None:
    text = "\n".join(lines_under(PAGE, row_type.kind.name))
    (_, hex_bytes), (_, values) = code_in(text)
    data = bytes.fromhex(hex_bytes)
    assert decoded(data) == [json.loads(values)]
    viewed = row_type.read(data)
    assert len(viewed) == 1
    assert [_plain(viewed[name][0]) for name, _ in row_type.fields] == json.loads(values)
    assert f"{row_type.width_bytes} bytes." in text


def _plain(value: np.generic) -> object:
    return value.decode() if isinstance(value, np.bytes_) else value.item()


def test_rows_back_to_back_decode_one_by_one(lines_under: LinesUnder, code_in: CodeIn) -> None:
    (_, hex_bytes), (_, values) = code_in("\n".join(lines_under(PAGE, "Rows back to back")))
    data = bytes.fromhex(hex_bytes)
    assert decoded(data) == json.loads(values)
    assert len(rows.read_events(data)) == 2


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Kinds", codes.Kind),
        ("Side", codes.Side),
        ("Quote flags", codes.QuoteFlag),
        ("Trade flags", codes.TradeFlag),
        ("Trade conditions", codes.Condition),
        ("Correction flags", codes.CorrectionFlag),
        ("Trading state", codes.TradingState),
        ("Candle flags", codes.CandleFlag),
        ("Timeframe", Timeframe),
    ],
)
def test_codes_are_the_codes(heading: str, kind: type[IntEnum], table_under: TableUnder) -> None:
    documented = {quoted(name): int(value) for value, name, _ in table_under(PAGE, heading)}
    assert documented == {member.name: member.value for member in kind}


def test_every_enum_of_codes_is_documented() -> None:
    enums = {each for _, each in inspect.getmembers(codes, inspect.isclass) if each.__module__ == codes.__name__}
    parametrized = test_codes_are_the_codes.pytestmark[0].args[1]
    assert enums | {Timeframe} == {kind for _, kind in parametrized}


def test_kinds_have_the_widths_of_their_rows(table_under: TableUnder) -> None:
    documented = {quoted(name): int(width) for _, name, width in table_under(PAGE, "Kinds")}
    assert documented == {row_type.kind.name: row_type.width_bytes for row_type in rows.ROW_TYPES}


def test_subjects_are_those_the_code_names(table_under: TableUnder) -> None:
    documented = {quoted(row[0]): quoted(row[1]) for row in table_under(PAGE, "Subjects at a glance")}
    key = SymbolKey("XNYS", "BRK.B")
    named = {
        "quote.<exch>.<symbol>": subjects.quote(key),
        "trade.<exch>.<symbol>": subjects.trade(key),
        "depth.<exch>.<symbol>": subjects.depth(key),
        "status.<exch>": subjects.status(key.venue),
        "snapshot.<exch>.<symbol>": subjects.snapshot(key),
        "snapshot.<exch>": subjects.snapshots(key.venue),
        "tape.<partition>": subjects.tape(7),
        "candle.<tf>.<exch>.<symbol>": subjects.candle("1m", key),
        "candles.<partition>": subjects.candles(7),
        "candlenow.<partition>": subjects.candle_now(7),
        "late.<partition>": subjects.late(7),
        "quarantine.<partition>": subjects.quarantine(7),
        "ledger.<partition>": subjects.ledger(7),
        "portfolionow.<partition>": subjects.portfolio_now(7),
        "portfoliowatch.<partition>": subjects.portfolio_watch(7),
        "portfolio.<id>": subjects.portfolio(UUID("6f9619ff-8b86-d011-b42d-00cf4fc964ff")),
        "alerts.<partition>": subjects.alerts(7),
        "alert.fired.<user>.<alert>": subjects.alert_fired(
            UUID("6f9619ff-8b86-d011-b42d-00cf4fc964ff"), UUID("0d9e8a4c-1f6b-5b7e-9c43-6f1f0d2a7b11")
        ),
        "notify.<kind>": subjects.notify("email"),
        "dlq.notify.<kind>": subjects.dead_notification("email"),
        "ops.<process>.<id>": "ops.feed.4711",
    }
    assert documented == named
    functions = {name for name, each in inspect.getmembers(subjects, inspect.isfunction) if _returns_text(each)}
    # `snapshot` names two subjects, which need two functions; `alert.fired` is subscribed to for all alerts of a user.
    words = {
        "candlenow": "candle_now",
        "portfolionow": "portfolio_now",
        "portfoliowatch": "portfolio_watch",
        "alert": "alert_fired",
        "dlq": "dead_notification",
    }
    named_first = {words.get(first, first) for first in (subject.partition(".")[0] for subject in named)}
    assert functions | {"ops"} == named_first | {"snapshots", "alerts_fired"}


def _returns_text(function: Callable[..., object]) -> bool:
    return inspect.signature(function).return_annotation is str and function.__module__ == subjects.__name__


def test_escapes_are_the_codes(table_under: TableUnder) -> None:
    documented = [(quoted(symbol), quoted(token)) for symbol, token in table_under(PAGE, "Names and tokens")]
    assert {symbol for symbol, _ in documented} >= {"BRK.B", "BF/B", "*", "日経"}
    for symbol, token in documented:
        assert to_token(symbol) == token
        assert from_token(token) == symbol


def test_partition_formula_is_the_codes(lines_under: LinesUnder) -> None:
    text = " ".join(lines_under(PAGE, "The tape"))
    factor = int(re.search(r"number \* (0x[0-9A-F]{8})", text)[1], 16)
    numbers = np.arange(0, 2**32, 999_983, dtype=np.uint32)
    by_formula = [(int(number) * factor % 2**32) >> 28 for number in numbers]
    assert subjects.partitions_of(numbers).tolist() == by_formula


def test_streams_and_buckets_are_the_declared_ones(table_under: TableUnder) -> None:
    documented = {quoted(row[0]): row[1:] for row in table_under(PAGE, "Streams and buckets")}
    found = {spec.name: spec for spec in declared(MeshSettings(nats_url="nats://localhost"))}
    assert documented.keys() == found.keys()
    for name, spec in found.items():
        kind, _, where, limits = documented[name]
        match spec:
            case StreamSpec():
                assert (kind, where) == ("stream", ", ".join(f"`{subject}`" for subject in spec.subjects))
                size, age, rest = limits.split(", ")
                assert size == f"{spec.max_bytes / 2**30:g} GiB"
                assert age == (f"{spec.max_age_s / 3600:g} h" if spec.max_age_s else "any age")
                first = "a full one takes no more" if spec.is_kept else "oldest out first"
                first = "each out when it is done" if spec.is_work_queue else first
                assert rest == f"{first}; duplicates recognised for 120 s"
            case KeyValueSpec():
                gone = f", gone after {spec.ttl_s:g} s" if spec.ttl_s else ""
                assert (kind, limits) == ("key-value", f"{spec.max_value_bytes} bytes a value{gone}")
            case ObjectsSpec():
                assert (kind, limits) == ("objects", "")
            case _:
                pytest.fail(f"{spec} has no form in the table")


def test_accounts_are_those_of_the_server(table_under: TableUnder) -> None:
    config = TEMPLATE.read_text()
    mesh, teams = config.split("  TEAMS {")
    exported = set(re.findall(r'\{ (?:stream|service): "([^"]+)" \}', mesh))
    publish, subscribe = (_subjects_of(teams, what) for what in ("publish", "subscribe"))
    documented = {quoted(subject): others for subject, _, others in table_under(PAGE, "Who may do what")}
    assert {subject for subject, others in documented.items() if others} == exported
    assert {subject for subject, others in documented.items() if others == "subscribe"} == subscribe - {"_INBOX.>"}
    assert {subject for subject, others in documented.items() if others == "request"} == publish


def _subjects_of(account: str, permission: str) -> set[str]:
    return set(re.findall(r'"([^"]+)"', re.search(rf"{permission}: \[([^\]]*)\]", account)[1]))


def test_figures_are_the_codes(table_under: TableUnder) -> None:
    config = TEMPLATE.read_text()
    defaults = {field.name: field.default for field in fields(FeedSettings)}
    expected = {
        "bytes of an event row": rows.EVENT_BYTES,
        "bytes of a LEVEL row": rows.LEVEL.width_bytes,
        "bytes of a STATE row": rows.STATE.width_bytes,
        "bytes of a CANDLE row": rows.CANDLE.width_bytes,
        "bytes of a book": book.BOOK_BYTES,
        "levels a side": book.LEVELS,
        "bytes of a symbol, at most": MAX_SYMBOL_BYTES,
        "partitions of the tape": subjects.DEFAULT_PARTITIONS,
        "quote window, ms": defaults["quote_window_ms"],
        "depth window, ms": defaults["depth_window_ms"],
        "tape linger, ms": defaults["tape_linger_ms"],
        "bytes of a tape batch": tape_publisher.MAX_BATCH_BYTES,
        "bytes unacknowledged, at most": tape_publisher.MAX_UNACKED_BYTES,
        "highest epoch": state.MAX_EPOCH,
        "payload on the server, MB": int(re.search(r"max_payload: (\d+)MB", config)[1]),
        "pending bytes of a reader, MB": int(re.search(r"max_pending: (\d+)MB", config)[1]),
    }
    assert {figure: float(value) for figure, value in table_under(PAGE, "Figures")} == expected
    assert defaults["partitions"] == subjects.DEFAULT_PARTITIONS


def test_snapshot_service_is_called_so(lines_under: LinesUnder) -> None:
    text = "\n".join(lines_under(PAGE, "Snapshots"))
    assert f"name `{snapshot_service.NAME}`, version {snapshot_service.VERSION}" in text
    assert f"| {rows.STATE.width_bytes} bytes |" in text
    assert f"| {rows.STATE.width_bytes + book.BOOK_BYTES} bytes |" in text


def test_instrument_of_no_instrument_is_written_out(root: Path) -> None:
    assert (root / PAGE).read_text().count(str(codes.NO_INSTRUMENT)) >= 2
