"""The adapter: specifications, pace, loops, and files that are no capture of TOPS."""

import gzip
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from market import rows
from market.codes import Kind
from workers.feed.adapter import Adapter, Batch, FeedSpec, SpecError
from workers.feed.iex import from_spec
from workers.feed.iex.replay import BATCH_NS, FLAT_OUT, MAX_IDLE_NS, IexAdapter

START_NS = 1_700_000_000_000_000_000


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def written(data: bytes) -> Path:
        path = tmp_path / "capture"
        path.write_bytes(data)
        return path

    return written


def replay(path: Path, **options: float) -> tuple[IexAdapter, list[Batch]]:
    adapter = IexAdapter(path, **options)
    return adapter, list(adapter.batches(lambda: START_NS))


def test_specifications(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    path = write(gzip.compress(wire.pcap(wire.stream([[wire.quote()]]))))
    adapter: Adapter = from_spec(FeedSpec.parse(f"iex:{path},speed=max"))
    assert (adapter.name, adapter.time_zone, adapter.continues) == ("iex", "America/New_York", False)
    adapter.resume({})
    (batch,) = adapter.batches(lambda: START_NS)
    assert (len(batch.events), batch.due_ns) == (1, 0)
    (batch,) = from_spec(FeedSpec.parse(f"iex:{path}")).batches(lambda: START_NS)
    assert batch.due_ns == START_NS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("speed=0", "speed=0 must be a number from 0.001 to 100,000"),
        ("speed=fast", "speed=fast must be a number"),
        ("speed=inf", "speed=inf must be a number"),
        ("loop=2", "loop=2 must be 0 or 1"),
        ("rate=3", "no option 'rate'; it knows speed, loop"),
    ],
)
def test_bad_options_are_refused(options: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        from_spec(FeedSpec.parse(f"iex:capture,{options}"))


def test_files_that_cannot_be_used_are_refused_by_name(write: Callable[[bytes], Path], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="needs a capture file: iex:PATH"):
        from_spec(FeedSpec.parse("iex"))
    with pytest.raises(SpecError, match=f"capture {tmp_path}/missing: No such file"):
        from_spec(FeedSpec.parse(f"iex:{tmp_path}/missing"))
    with pytest.raises(SpecError, match=f"capture {tmp_path}: Is a directory"):
        from_spec(FeedSpec.parse(f"iex:{tmp_path}"))
    path = write(b"time,price\n" * 10)
    with pytest.raises(SpecError, match=f"capture {path} is not a capture: it begins with 74 69 6d 65"):
        from_spec(FeedSpec.parse(f"iex:{path}"))


def test_a_file_that_vanishes_is_named(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    path = write(wire.pcap(wire.stream([[wire.quote()]])))
    adapter = from_spec(FeedSpec.parse(f"iex:{path}"))
    path.unlink()
    with pytest.raises(SpecError, match=f"capture {path}: No such file"):
        next(adapter.batches(lambda: START_NS))


@pytest.mark.parametrize("speed", [0.5, 1, 10])
def test_batches_are_due_at_the_recorded_pace(
    write: Callable[[bytes], Path], wire: SimpleNamespace, speed: float
) -> None:
    frames = wire.stream([[wire.quote(f"S{number}")] for number in range(100)])
    _, batches = replay(write(wire.pcap(frames, step_ns=700_000)), speed=speed)
    taken = 0
    for batch in batches:
        assert batch.due_ns == START_NS + int(taken * 700_000 / speed)
        taken += len(batch.events)
        assert (len(batch.events) - 1) * 700_000 < BATCH_NS * speed
    assert taken == 100


def test_flat_out_fills_batches(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    path = write(wire.pcap(wire.stream([[wire.quote(), wire.quote()]] * 50)))
    _, batches = replay(path, speed=FLAT_OUT, batch_messages=40)
    assert [len(batch.events) for batch in batches] == [40, 40, 20]
    assert {batch.due_ns for batch in batches} == {0}


def test_broken_packet_times_do_not_stop_the_replay(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    frames = wire.stream([[wire.quote()] for _ in range(6)])
    data = bytearray(wire.pcap(frames, step_ns=1_000_000_000))
    record = 16 + len(frames[0])
    data[24 + 2 * record + 3] ^= 0x40  # thirty-four years on
    data[24 + 4 * record : 24 + 4 * record + 4] = data[24 : 24 + 4]  # four seconds back
    adapter, batches = replay(write(bytes(data)))
    due = [(batch.due_ns - START_NS, len(batch.events)) for batch in batches]
    assert due == [(0, 1), (1_000_000_000, 4), (3_000_000_000, 1)]
    assert adapter.faults.counts == {"packet: time jumps": 2}


def test_a_night_is_passed_over(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    frames = wire.stream([[wire.quote()], [wire.quote()]])
    _, batches = replay(write(wire.pcap(frames, step_ns=MAX_IDLE_NS + 1_000_000)))
    assert all(batch.due_ns == START_NS for batch in batches)


def test_loops_go_on_in_time_and_list_once(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    times = (wire.sent_ns, wire.sent_ns + 5_000_000_000)
    messages = [
        [wire.quote("A", time_ns=times[0]), wire.trade("A", trade_id=3, time_ns=times[0] + 1)],
        [wire.trade("A", kind="B", trade_id=3, time_ns=times[1]), wire.quote("B", time_ns=times[1])],
    ]
    path = write(wire.pcap(wire.stream(messages), step_ns=3_000_000))
    adapter = IexAdapter(path, loop=True)
    source = adapter.batches(lambda: START_NS)
    batches = [next(source) for _ in range(6)]
    ts_event = np.concatenate([batch.events["ts_event"] for batch in batches])
    assert (np.diff(ts_event) >= 0).all()
    assert all(before.due_ns < after.due_ns for before, after in pairwise(batches))
    assert sum(len(batch.listed) for batch in batches) == 2
    for batch in batches[1::2]:
        broken, _ = rows.of_kind(batch.events, Kind.CORRECTION)
        assert broken["ts_event"][0] - broken["ts_trade"][0] == 5_000_000_000 - 1
    assert adapter.faults.counts == {}


def test_a_capture_without_rows_is_not_repeated(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    adapter, batches = replay(write(wire.pcap(wire.stream([[]]))), loop=True)
    assert batches == []
    assert adapter.seen["heartbeats"] == 1


def test_messages_without_a_row_make_no_batch(write: Callable[[bytes], Path], wire: SimpleNamespace) -> None:
    auction = wire.head("A", ord("O"), "ZIEXT", wire.sent_ns) + bytes(62)
    directory = wire.head("D", 0, "ZEXIT", wire.sent_ns) + bytes(13)
    adapter, batches = replay(write(wire.pcap(wire.stream([[auction], [directory]]), step_ns=BATCH_NS)))
    assert [(len(batch.events), batch.listed[0].key.symbol) for batch in batches] == [(0, "ZEXIT")]
    assert adapter.seen["no row: A"] == adapter.seen["no row: D"] == 1


def test_faults_are_logged(
    write: Callable[[bytes], Path], wire: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    replay(write(wire.pcap([wire.frame(wire.ipv4(b"?"))])))
    assert "segment: not IEX-TP 1" in caplog.text


@pytest.mark.parametrize(
    ("name", "reason", "packets"),
    [
        ("iex/Deep.IexTp.v1.0-Heartbeat.pcap", "segment: not TOPS 1.6", 1),
        ("iex/Deep.IexTp.v1.0-PriceLevelBuyUpdateMessage.pcap", "segment: not TOPS 1.6", 1),
        ("iex/DeepPlus.IexTp.1.0.2-all_message_types.pcap", "segment: not TOPS 1.6", 13),
        ("nasdaq-itch50/packets-Multiple.Packets.pcap", "segment: not IEX-TP 1", 2),
        ("nasdaq-itch50/SystemEvent.pcap", "segment: not IEX-TP 1", 1),
    ],
)
def test_captures_of_other_feeds_are_counted(
    recorded_folder: Callable[[str], Path], name: str, reason: str, packets: int
) -> None:
    adapter, batches = replay(recorded_folder(name))
    assert batches == []
    assert adapter.faults.counts[reason] == adapter.seen["packets"] == packets


def test_recordings_that_are_no_captures_are_refused(recorded_folder: Callable[[str], Path]) -> None:
    with pytest.raises(SpecError, match="neither pcap nor pcapng"):
        from_spec(FeedSpec.parse(f"iex:{recorded_folder('coinbase/COINBASE.ws.28.0.gz')}"))
