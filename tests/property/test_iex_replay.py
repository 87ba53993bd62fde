"""Whatever happens to a capture, the replay goes on, loses nothing uncounted, and is the same up to the damage."""

import gzip
import os
import struct
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market import rows
from market.instrument import Listing
from workers.feed.adapter import Batch, SpecError
from workers.feed.iex.replay import BATCH_MESSAGES, FLAT_OUT, IexAdapter

REPOSITORY = Path(__file__).parents[2]
FIRST, LAST = 42_400, 42_650  # sequence numbers around a trade break, an operational halt, quotes and trades
HEADER_BYTES = 24

bounded = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def capture() -> bytes:
    path = Path(os.environ.get("TICKMESH_DATA") or REPOSITORY / "../shared/data") / "iex/TOPS16.pcap.gz"
    if not path.exists():
        message = f"recorded data is missing: {path} (set TICKMESH_DATA)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return excerpt(path)


@cache
def excerpt(path: Path) -> bytes:
    """The header and the records of the chosen messages."""
    whole = gzip.decompress(path.read_bytes())
    parts, at = [whole[:HEADER_BYTES]], HEADER_BYTES
    while at < len(whole):
        end = at + 16 + struct.unpack_from("<I", whole, at + 8)[0]
        sequence = struct.unpack_from("<q", whole, at + 16 + 42 + 24)[0]
        if FIRST <= sequence <= LAST:
            parts.append(whole[at:end])
        at = end
    return b"".join(parts)


def replay(
    data: bytes, batch_messages: int = BATCH_MESSAGES, speed: float = FLAT_OUT
) -> tuple[IexAdapter, list[Batch]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture"
        path.write_bytes(data)
        adapter = IexAdapter(path, speed=speed, batch_messages=batch_messages)
        return adapter, list(adapter.batches(lambda: 0))


def joined(batches: list[Batch]) -> tuple[bytes, list[Listing]]:
    return rows.join(batch.events for batch in batches).tobytes(), [each for batch in batches for each in batch.listed]


def check_accounts(adapter: IexAdapter) -> None:
    """Every packet, and every message in one, has become something or is counted as what it was not."""
    seen, faults = adapter.seen, adapter.faults.counts
    dropped = ("segment: not IEX-TP 1", "segment: not TOPS 1.6")
    frames = [reason for reason in faults if reason.startswith("frame: ") and reason != "frame: cut by the capture"]
    assert seen["packets"] == seen["segments"] + seen["heartbeats"] + sum(
        faults.get(each, 0) for each in (*dropped, *frames)
    )
    rowless = sum(count for what, count in seen.items() if what.startswith("no row: "))
    refused = sum(count for reason, count in faults.items() if reason.startswith("message: "))
    assert seen["messages"] == seen["rows"] + rowless + refused


def whole_rows_before(capture: bytes, damage: int) -> bytes:
    """The rows of the packets that end before the byte at `damage`."""
    at = HEADER_BYTES
    while at + 16 <= len(capture):
        end = at + 16 + struct.unpack_from("<I", capture, at + 8)[0]
        if end > damage:
            break
        at = end
    return joined(replay(capture[:at])[1])[0]


@given(data=st.data())
@bounded
def test_a_cut_capture_is_its_beginning(capture: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(HEADER_BYTES, len(capture)))
    adapter, batches = replay(capture[:cut])
    check_accounts(adapter)
    assert joined(batches)[0] == whole_rows_before(capture, cut)
    assert set(adapter.faults.counts) <= {"pcap: cut short"}


@given(data=st.data())
@bounded
def test_flipped_bits_cost_no_more_than_is_counted(capture: bytes, data: st.DataObject) -> None:
    flips = data.draw(st.lists(st.integers(8 * HEADER_BYTES, 8 * len(capture) - 1), min_size=1, max_size=12))
    damaged = bytearray(capture)
    for flip in flips:
        damaged[flip // 8] ^= 1 << flip % 8
    adapter, batches = replay(bytes(damaged))
    check_accounts(adapter)
    before = whole_rows_before(capture, min(flips) // 8)
    events, _ = joined(batches)
    # A broken length is noticed one record later, so the last record before the damage may be read on from there.
    assert events[: len(before)] == before
    rows.read_events(events)


@given(data=st.data())
@bounded
def test_bytes_lost_or_written_over_never_stop_a_replay(capture: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(HEADER_BYTES, len(capture)))
    lost = data.draw(st.integers(0, 3000))
    junk = data.draw(st.binary(max_size=200))
    adapter, batches = replay(capture[:at] + junk + capture[at + lost :])
    check_accounts(adapter)
    rows.read_events(joined(batches)[0])


@given(data=st.data())
@bounded
def test_damaged_gzip_gives_the_beginning(capture: bytes, data: st.DataObject) -> None:
    packed = bytearray(gzip.compress(capture, 1))
    at = data.draw(st.integers(10, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    del packed[data.draw(st.integers(at + 1, len(packed))) :]
    try:
        adapter, batches = replay(bytes(packed))
    except SpecError:
        assert at < 2000  # so early that not even the capture's header can be decoded
        return
    check_accounts(adapter)
    rows.read_events(joined(batches)[0])


@given(batch_messages=st.integers(1, 700), speed=st.sampled_from([FLAT_OUT, 1.0, 50.0]))
@bounded
def test_batches_of_any_size_hold_the_same_rows(capture: bytes, batch_messages: int, speed: float) -> None:
    assert joined(replay(capture, batch_messages, speed)[1]) == joined(replay(capture)[1])
