"""The quote table against a dict, and rows, times and frames through the gateway's own encodings."""

import json
import math
from datetime import UTC, datetime
from typing import Literal

import msgpack
import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.images import from_iso, iso, quote_image
from gateway.live.commands import CommandError, read_json, read_msgpack
from gateway.live.wire import JSON, MSGPACK
from gateway.quote_table import QuoteTable
from market import rows
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey

INSTRUMENTS = 4
ROWS = st.lists(
    st.tuples(st.integers(0, INSTRUMENTS - 1), st.integers(0, INSTRUMENTS - 1), st.integers(0, 30)), max_size=12
)
FLOATS = st.floats(allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CHANNELS = st.sampled_from(["quote", "depth", "trades"])
ENTRIES = st.lists(st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5) | FLOATS, max_size=4))
COMMANDS = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["auth", "subscribe", "unsubscribe", "reconnect", "snapshot", "rate", "ping", "fly"])
        | JSON_VALUES,
        "symbols": st.lists(st.text(max_size=5), max_size=3) | JSON_VALUES,
        "last_seen": st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(), max_size=3)
        | JSON_VALUES,
        "channel": st.text(max_size=5) | JSON_VALUES,
        "rate": st.floats(allow_nan=False, allow_infinity=False) | st.integers() | JSON_VALUES,
        "epoch": st.text(max_size=70) | JSON_VALUES,
        "token": st.text(max_size=5) | JSON_VALUES,
    },
)


@given(st.lists(ROWS, max_size=8))
def test_a_table_holds_the_newest_row_of_each_instrument_and_names_what_changed(
    runs: list[list[tuple[int, int, int]]],
) -> None:
    table, newest = QuoteTable(), dict.fromkeys(range(INSTRUMENTS), 0)
    table.reserve(INSTRUMENTS)
    for run in runs:
        states = rows.STATE.blank(len(run))
        for row, (_, instrument, sequence) in zip(states, run, strict=True):
            row["instrument"], row["sequence"], row["bid"] = instrument, sequence, sequence
        before = dict(newest)
        for slot, instrument, sequence in run:
            if slot == instrument:
                newest[slot] = max(newest[slot], sequence)
        changed = table.merge(np.array([slot for slot, _, _ in run], np.intp), states)
        assert sorted(changed.tolist()) == [number for number in newest if newest[number] > before[number]]
        for number, sequence in newest.items():
            assert table.sequence(number) == sequence
            assert not sequence or table.state(number)["bid"][0] == sequence


@given(st.integers(-(2**63) + 1, 2**63 - 1).filter(bool))
def test_a_time_comes_back_to_the_nanosecond(ts_ns: int) -> None:
    text = iso(ts_ns)
    assert text is not None
    assert from_iso(text) == ts_ns


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001  # bounds
def test_a_time_that_python_writes_is_read_as_that_time(moment: datetime) -> None:
    utc = moment.astimezone(UTC)
    expected = int(utc.replace(microsecond=0).timestamp()) * 1_000_000_000 + utc.microsecond * 1000
    assert from_iso(utc.isoformat()) == expected
    if moment.utcoffset() is not None and not moment.utcoffset().seconds % 60:
        assert from_iso(moment.isoformat()) == expected


@given(st.lists(FLOATS, min_size=len(rows.STATE_FIGURES), max_size=len(rows.STATE_FIGURES)), st.integers(1, 2**53 - 1))
def test_a_client_reads_the_very_numbers_of_the_row(values: list[float], sequence: int) -> None:
    state = rows.STATE.blank(1)
    for name, value in zip(rows.STATE_FIGURES, values, strict=True):
        state[name] = value
    state["sequence"] = sequence
    image = quote_image(Instrument(InstrumentId(0), Listing(SymbolKey("XTKS", "日経"), "")), state)
    read = json.loads(JSON.encode(image))
    assert read == msgpack.unpackb(MSGPACK.encode(image))
    assert read["seq"] == sequence
    for name, value in zip(rows.STATE_FIGURES, values, strict=True):
        assert read[name] == (None if math.isnan(value) else value)


@given(st.dictionaries(CHANNELS, ENTRIES, min_size=1), st.sampled_from(["snapshot", "update"]))
def test_a_joined_frame_is_the_whole_message(
    by_channel: dict[str, list[dict[str, object]]], kind: Literal["snapshot", "update"]
) -> None:
    by_channel = msgspec.json.decode(msgspec.json.encode(by_channel))  # NaN as null, as entries have it
    whole = {"type": kind, **by_channel}
    for wire, decode in ((JSON, json.loads), (MSGPACK, msgpack.unpackb)):
        encoded = {channel: [wire.encode(each) for each in entries] for channel, entries in by_channel.items()}
        assert decode(wire.frame(kind, encoded)) == whole
        for channel, entries in encoded.items():
            joined = wire.joiner(kind, channel)(entries)
            assert joined == wire.frame(kind, {channel: entries})
            assert decode(joined) == {"type": kind, channel: by_channel[channel]}
    assert JSON.frame(kind, {name: [JSON.encode(each) for each in found] for name, found in by_channel.items()}) == (
        JSON.encode(whole)
    )


def outcome(read: object, message: object) -> object:
    try:
        return read(message)  # type: ignore[operator]  # one of the two readers
    except CommandError as error:
        return error.code


@given(JSON_VALUES | COMMANDS)
def test_both_encodings_take_and_refuse_the_same_messages(message: object) -> None:
    assert outcome(read_json, json.dumps(message)) == outcome(read_msgpack, msgpack.packb(message))


@given(st.text() | st.binary())
def test_whatever_is_sent_there_is_a_command_or_a_precise_error(message: str | bytes) -> None:
    read, given_message = (read_json, message) if isinstance(message, str) else (read_msgpack, message)
    assert outcome(read, given_message) is not None
