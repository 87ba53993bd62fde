"""A feed whose server, cache or own process is killed: counted by sequence, nothing is missing afterwards."""

import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import numpy as np
import pytest
from nats.js import JetStreamContext

from infra.local.servers import NatsServer, ValkeyServer
from market import rows
from market.codes import NO_INSTRUMENT
from market.row_type import Rows
from market.state import MarketState
from market.trading_day import TradingDays
from mesh.connection import Connection
from mesh.directory import Directory
from mesh.quote_cache import QuoteCache
from mesh.settings import MeshSettings
from mesh.streams import CHECKPOINTS, TAPE, declared, ensure
from tests.integration.tape import read_tape, until
from workers.feed.checkpoint import CheckpointStore
from workers.feed.service import FeedService

RunFeed = Callable[..., AbstractAsyncContextManager[FeedService]]
StartFeed = Callable[..., subprocess.Popen[str]]
SIM = "sim:rate=2000,seed=5,symbols=30,profile=flat"


class Recorder(Protocol):
    def of(self, lane: str) -> list[tuple[str, bytes]]: ...


def numbered(events: Rows) -> dict[int, list[int]]:
    """The sequences of each instrument, in order of the tape."""
    found: dict[int, list[int]] = {}
    for instrument, sequence in zip(events["instrument"].tolist(), events["sequence"].tolist(), strict=True):
        if instrument != NO_INSTRUMENT:
            found.setdefault(instrument, []).append(sequence)
    return found


async def test_a_killed_server_costs_the_tape_nothing_and_states_come_again(
    feed: RunFeed, recorder: Recorder, client: Connection, nats_server: NatsServer
) -> None:
    async with feed(SIM):
        await until(lambda: len(recorder.of("trade")) > 100)
        nats_server.kill()
        await nats_server.exited()
        await nats_server.start()
        await until(lambda: client.is_connected)
        seen = len(recorder.of("quote"))
        await until(lambda: len({subject for subject, _ in recorder.of("quote")[seen:]}) == 30)
        seen = len(recorder.of("trade"))
        await until(lambda: len(recorder.of("trade")) > seen + 50)
    events = rows.join([events for _, events in await read_tape(client.jetstream())])
    sequences = numbered(events)
    assert len(sequences) == 30
    for mine in sequences.values():  # lost: 0, duplicated: 0, out of order: 0
        assert mine == list(range((1 << 32) + 1, (1 << 32) + 1 + len(mine)))


async def test_after_a_break_states_that_do_not_change_come_again_too(feed: RunFeed, recorder: Recorder) -> None:
    async with feed("sim:rate=10,seed=5,symbols=300,profile=flat") as service:  # in 20 s, 200 of them could change
        await until(lambda: len({subject for subject, _ in recorder.of("quote")}) == 300)
        seen = len(recorder.of("quote"))
        await service._client.force_reconnect()  # only the feed's connection: the recorder misses nothing
        await until(lambda: len({subject for subject, _ in recorder.of("quote")[seen:]}) == 300)


async def newest_checkpoint(js: JetStreamContext) -> str | None:
    """The id of the newest checkpoint; a feed leaves one before its first batch."""
    return (await (await js.object_store(CHECKPOINTS)).get_info("feed.sim")).nuid


@pytest.mark.timeout(90)
@pytest.mark.parametrize("interval_s", [1, 60], ids=["some checkpoints", "only the first"])
async def test_a_killed_feed_goes_on_with_the_same_day(
    feed_process: StartFeed, recorder: Recorder, client: Connection, interval_s: int
) -> None:
    js = client.jetstream()
    await ensure(js, declared(MeshSettings(nats_url="unused")))
    first = feed_process(feed=SIM, checkpoint_interval_s=interval_s)
    await until(lambda: len(recorder.of("ops")) >= 2)
    seen = await newest_checkpoint(js)
    while interval_s == 1 and await newest_checkpoint(js) == seen:
        assert first.poll() is None
    # What was on its way when the checkpoint was made is on the tape some batches later.
    enough = (await js.stream_info(TAPE)).state.last_seq + 64
    while (await js.stream_info(TAPE)).state.last_seq < enough:
        assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()

    before = len(recorder.of("quote"))
    second = feed_process(feed=SIM, checkpoint_interval_s=60)

    def restarted() -> bool:
        fresh = [rows.STATE.read(data)[0] for _, data in recorder.of("quote")[before:]]
        later = [row for row in fresh if int(row["sequence"]) >> 32 == 2]
        return len({int(row["instrument"]) for row in later}) == 30 and len(later) > 200

    await until(restarted, within_s=40)
    second.send_signal(signal.SIGTERM)
    _, said = second.communicate(timeout=20)
    assert second.returncode == 0, said
    await client.flush()

    events = rows.join([events for _, events in await read_tape(js)])
    for mine in numbered(events).values():
        assert mine == sorted(set(mine))
        first_epoch = [sequence for sequence in mine if sequence >> 32 == 1]
        assert first_epoch == list(range((1 << 32) + 1, (1 << 32) + 1 + len(first_epoch)))
        assert any(sequence >> 32 == 2 for sequence in mine)

    compare_states(events, [data for _, data in recorder.of("quote")[before:]])
    assert f"restored {30 if interval_s == 1 else 0} instruments" in said


def compare_states(events: Rows, published: list[bytes]) -> None:
    """Hold published states against one fold of the whole tape, both lives of the feed in it."""
    state = MarketState(1, TradingDays("America/New_York"))
    state.reserve(30)
    states: dict[tuple[int, int], Rows] = {}
    for at in range(len(events)):
        event = rows.take(events, np.array([at]))
        instrument, sequence = int(event["instrument"][0]), int(event["sequence"][0])
        state.apply(event)
        if instrument != NO_INSTRUMENT:
            states[instrument, sequence] = state.snapshot(np.array([instrument]))
    compared = 0
    for data in published:
        row = rows.STATE.read(bytearray(data))
        expected = states.get((int(row["instrument"][0]), int(row["sequence"][0])))
        if expected is None or int(row["sequence"][0]) >> 32 != 2:
            continue
        expected["sequence"] = row["sequence"]
        assert row.tobytes() == expected.tobytes()
        compared += 1
    assert compared > 150


async def test_a_checkpoint_that_cannot_be_read_is_none_and_said(
    client: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    js = client.jetstream()
    await ensure(js, declared(MeshSettings(nats_url="unused")))
    store = CheckpointStore(js, "sim")
    assert await store.load() is None
    states = rows.STATE.blank(2)
    await store.save(states, 7)
    found = await store.load()
    assert found is not None
    assert (found[0].tobytes(), found[1]) == (states.tobytes(), 7)
    bucket = await js.object_store(CHECKPOINTS)
    for wrong in (b"", b"no msgpack", b"\x93\x02\x07\xc4\x00", b"\x93\x01\x07\xc4\x01x"):
        await bucket.put("feed.sim", wrong)
        assert await store.load() is None
    assert caplog.text.count("the checkpoint cannot be used, starting without") == 4


async def test_a_killed_cache_is_filled_again_with_everything_known(
    feed: RunFeed, recorder: Recorder, client: Connection, valkey_server: ValkeyServer
) -> None:
    cache = QuoteCache(valkey_server.url)
    async with feed("sim:rate=100,seed=5,symbols=300,profile=flat", cache_url=valkey_server.url, cache_interval_ms=50):
        await until(lambda: len({subject for subject, _ in recorder.of("quote")}) == 300)
        instruments = list((await Directory.open(client.jetstream())).all())
        for restart in range(2):
            found: dict[object, Rows] = {}
            while len(found) < 300:
                found = await cache.read([instrument.key for instrument in instruments])
            for instrument in instruments:
                assert found[instrument.key]["instrument"].tolist() == [instrument.number]
            if restart == 0:
                valkey_server.kill()
                await valkey_server.exited()
                assert await cache.ping() is False
                await valkey_server.start()
    await cache.close()


async def test_a_feed_that_lists_fewer_venues_than_before_starts_all_the_same(
    feed: RunFeed, recorder: Recorder
) -> None:
    async with feed("sim:symbols=501,rate=1000,profile=flat"):
        await until(lambda: any(subject == "quote.XSIM.S00501" for subject, _ in recorder.of("quote")))
    before = len(recorder.of("trade"))
    async with feed("sim:symbols=3,rate=1000,profile=flat"):
        await until(lambda: len(recorder.of("trade")) > before + 10)
    assert {subject.split(".")[1] for subject, _ in recorder.of("trade")[before:]} <= {"XNAS", "ARCX"}
