"""`python -m workers.feed`: the recorded capture flat out, and settings that cannot be used."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from market import rows
from market.codes import NO_INSTRUMENT, CorrectionFlag, Kind
from mesh.connection import Connection
from tests.integration.tape import read_tape, until

StartFeed = Callable[..., subprocess.Popen[str]]


class Recorder(Protocol):
    def of(self, lane: str) -> list[tuple[str, bytes]]: ...


@pytest.mark.timeout(90)
async def test_the_recorded_capture_is_on_the_tape_message_by_message(
    feed_process: StartFeed, recorder: Recorder, client: Connection, tops_capture: Path
) -> None:
    process = feed_process(feed=f"iex:{tops_capture},speed=max")

    def beats() -> list[dict[str, int]]:
        return [json.loads(data) for _, data in recorder.of("ops")]

    def done() -> bool:
        return len(beats()) > 1 and beats()[-1]["rows"] == beats()[-2]["rows"] > 0

    await until(done, within_s=60)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    events = rows.join([events for _, events in await read_tape(client.jetstream())])
    counts = Counter(events["kind"].tolist())
    assert (counts[Kind.QUOTE], counts[Kind.TRADE], counts[Kind.CORRECTION]) == (27_217, 6_390, 3)
    corrections, _ = rows.of_kind(events, Kind.CORRECTION)
    assert set(corrections["flags"].tolist()) == {CorrectionFlag.BUST}
    beat = beats()[-1]
    assert beat["rows"] == len(events)
    assert (beat["dropped"], beat["tape_retried_batches"], beat["faults"]) == (0, 0, {})
    for instrument in np.unique(events["instrument"]):
        mine = events["sequence"][events["instrument"] == instrument].astype(np.int64) - (1 << 32)
        if instrument != NO_INSTRUMENT:
            assert mine.tolist() == list(range(1, len(mine) + 1))
    live = b"".join(data for _, data in recorder.of("trade"))
    assert len(rows.read_events(live)) == 6_390 + 3


WRONG = {
    "nope": "feed: there is no feed 'nope'; there are iex, sim",
    "sim:rate=5": "feed: feed 'sim': rate=5 must be a whole number from 10 to 1,000,000",
    "iex:no/such/file": "feed: capture no/such/file: No such file or directory",
}


def test_a_setting_that_cannot_be_used_ends_the_process_with_one_line(feed_process: StartFeed) -> None:
    refused = {message: feed_process(feed=spec) for spec, message in WRONG.items()}
    refused["feed: TICKMESH_PARTITIONS: 3 is not a power of two from 1 to 256"] = feed_process(partitions=3)
    for message, process in refused.items():
        said, error = process.communicate(timeout=30)
        assert (process.returncode, said, error) == (1, "", f"{message}\n")
