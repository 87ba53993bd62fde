"""Both lanes of a running feed say the same: every row live is on the tape, every state is the tape's fold."""

import json
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import numpy as np

from market import rows
from market.book import BOOK_BYTES, LEVELS
from market.codes import NO_INSTRUMENT, Kind, TradingState
from market.row_type import Rows
from market.state import MarketState
from market.symbols import SymbolKey
from market.trading_day import TradingDays
from mesh.connection import Connection
from mesh.directory import Directory
from tests.integration.tape import Stored, read_tape, until
from workers.feed.service import FeedService

RunFeed = Callable[..., AbstractAsyncContextManager[FeedService]]
SIM = "sim:rate=4000,seed=11,symbols=40,profile=flat"


class Recorder(Protocol):
    def of(self, lane: str) -> list[tuple[str, bytes]]: ...


def events_on(tape: Stored) -> Rows:
    return rows.join([events for _, events in tape])


def states_by_sequence(events: Rows) -> dict[tuple[int, int], bytes]:
    """Fold the tape event by event: the state of each instrument at each of its sequences."""
    state = MarketState(1, TradingDays("America/New_York"))
    state.reserve(int(events["instrument"][events["instrument"] != NO_INSTRUMENT].max()) + 1)
    found = {}
    for at in range(len(events)):
        event = rows.take(events, np.array([at]))
        instrument = int(event["instrument"][0])
        state.apply(event)
        if instrument != NO_INSTRUMENT:
            found[instrument, int(event["sequence"][0])] = state.snapshot(np.array([instrument])).tobytes()
    return found


def by_subject(messages: list[tuple[str, bytes]]) -> dict[str, bytes]:
    found: defaultdict[str, bytes] = defaultdict(bytes)
    for subject, data in messages:
        found[subject] += data
    return found


def tokens(directory: Directory) -> dict[int, str]:
    return {instrument.number: instrument.key.token for instrument in directory.all()}


async def test_every_lane_agrees_with_the_tape(feed: RunFeed, recorder: Recorder, client: Connection) -> None:
    async with feed(SIM, quote_window_ms=0, depth_window_ms=20):
        await until(lambda: len(recorder.of("trade")) > 300 and len(recorder.of("depth")) > 80)
    await client.flush()
    events = events_on(await read_tape(client.jetstream()))
    token_of = tokens(await Directory.open(client.jetstream()))
    assert len(token_of) == 40

    # Each instrument's sequences: one up per event, none lost, none twice.
    for number in token_of:
        mine = events["sequence"][events["instrument"] == number]
        assert (mine.astype(np.int64) - (1 << 32)).tolist() == list(range(1, len(mine) + 1))

    # Trades: the very same bytes in the same order.
    prints = rows.take(events, np.isin(events["kind"], [Kind.TRADE, Kind.CORRECTION]))
    expected = {
        f"trade.{token}": rows.take(prints, np.flatnonzero(prints["instrument"] == number)).tobytes()
        for number, token in token_of.items()
    }
    assert by_subject(recorder.of("trade")) == {subject: data for subject, data in expected.items() if data}

    # Quotes: each published state is the tape's fold up to the sequence that it carries.
    states, last = states_by_sequence(events), dict[str, int]()
    for subject, data in recorder.of("quote"):
        (row,) = rows.STATE.read(data)
        assert subject == f"quote.{token_of[int(row['instrument'])]}"
        assert data == states[int(row["instrument"]), int(row["sequence"])]
        assert int(row["sequence"]) > last.get(subject, 0)
        last[subject] = int(row["sequence"])
    newest = {f"quote.{token_of[number]}": sequence for number, sequence in sorted(states)}
    assert last == newest

    # Depth: a whole book of its instrument, the best first, never newer than the tape.
    for subject, data in recorder.of("depth"):
        assert len(data) == BOOK_BYTES
        book = rows.LEVEL.read(data)
        (number,) = set(book["instrument"].tolist())
        assert subject == f"depth.{token_of[number]}"
        assert int(book["sequence"].max()) <= newest[f"quote.{token_of[number]}"]
        bids, asks = book["price"][:LEVELS], book["price"][LEVELS:]
        assert (np.diff(bids) < 0).all()
        assert (np.diff(asks) > 0).all()
        assert bids[0] < asks[0]
        assert (book["size"] > 0).all()

    # Status: the heartbeat of each venue, beside what the tape has.
    told = b"".join(data for _, data in recorder.of("status"))
    status = rows.STATUS.read(told)
    alive = status["state"] == TradingState.FEED_ALIVE
    assert alive.any()
    assert {subject for subject, _ in recorder.of("status")} == {f"status.{token[:4]}" for token in token_of.values()}
    assert (~alive).sum() == (events["kind"] == Kind.STATUS).sum()


async def test_within_a_window_an_instrument_has_one_message_and_without_one_all_changes(
    feed: RunFeed, recorder: Recorder
) -> None:
    counts = []
    for window_ms in (500, 0):
        before, began_s = len(recorder.of("quote")), time.monotonic()
        trades = len(recorder.of("trade"))
        async with feed("sim:rate=4000,seed=3,symbols=5,profile=flat", quote_window_ms=window_ms):
            await until(lambda trades=trades: len(recorder.of("trade")) > trades + 200)
        await until(lambda before=before: len(recorder.of("quote")) > before)
        took_s = time.monotonic() - began_s
        sent: defaultdict[str, int] = defaultdict(int)
        for subject, _ in recorder.of("quote")[before:]:
            sent[subject] += 1
        counts.append((max(sent.values()), 1 + took_s / 0.5))
    (conflated, bound), (every, bound_of_the_other) = counts
    assert conflated <= bound
    assert every > 3 * bound_of_the_other


async def test_the_snapshot_service_answers_with_the_state_and_twenty_levels(
    feed: RunFeed, recorder: Recorder, client: Connection
) -> None:
    async with feed("sim:rate=500,seed=11,symbols=40,profile=flat"):
        # The service answers for a venue by the time that the venue's heartbeat is heard the second time.
        await until(lambda: len(recorder.of("depth")) > 40 and len(recorder.of("status")) > 4)
        directory = await Directory.open(client.jetstream())
        for instrument in directory.all():
            answer = await client.request(f"snapshot.{instrument.key.token}", timeout=5)
            state = rows.STATE.read(answer.data[: rows.STATE.width_bytes])
            book = rows.LEVEL.read(answer.data[rows.STATE.width_bytes :])
            assert state["instrument"].tolist() == [instrument.number]
            assert set(book["instrument"].tolist()) == {instrument.number}
            assert len(book) == 2 * LEVELS
        for token, code, reason in (
            (SymbolKey("XNAS", "NOT.LISTED").token, "404", "XNAS:NOT.LISTED is not listed"),
            ("XNAS.BRK=2e", "400", "subject token 'BRK=2e' is not an escaped symbol"),
        ):
            answer = await client.request(f"snapshot.{token}", timeout=5)
            assert answer.headers is not None
            assert answer.headers["Nats-Service-Error-Code"] == code
            assert answer.headers["Nats-Service-Error"] == reason
            assert answer.data == b""


async def test_the_snapshot_service_answers_for_many_symbols_at_once(
    feed: RunFeed, recorder: Recorder, client: Connection
) -> None:
    async with feed("sim:rate=500,seed=11,symbols=40,profile=flat"):
        await until(lambda: len(recorder.of("status")) > 4)
        listed = [each for each in (await Directory.open(client.jetstream())).all() if each.key.venue == "XNAS"]
        tokens = [each.key.token.partition(".")[2] for each in listed]
        answer = await client.request("snapshot.XNAS", " ".join([tokens[0], "NOT=2ELISTED", *tokens[1:]]).encode())
        assert rows.STATE.read(answer.data)["instrument"].tolist() == [each.number for each in listed]
        assert (await client.request("snapshot.XNAS", b"")).data == b""
        for request, reason in (
            (" ".join(["A"] * 1001), "1001 symbols; a request names at most 1000"),
            ("AAPL BRK=2e", "subject token 'BRK=2e' is not an escaped symbol"),
        ):
            answer = await client.request("snapshot.XNAS", request.encode())
            assert answer.headers is not None
            assert answer.headers["Nats-Service-Error-Code"] == "400"
            assert answer.headers["Nats-Service-Error"] == reason
            assert answer.data == b""


async def test_the_heartbeat_says_what_the_feed_did(feed: RunFeed, recorder: Recorder, client: Connection) -> None:
    async with feed(SIM):
        await until(lambda: len(recorder.of("ops")) >= 2)
    beat = json.loads(recorder.of("ops")[-1][1])
    assert (beat["process"], beat["feed"]) == ("feed", "sim")
    assert beat["dropped"] == 0
    assert beat["rows"] > 0
    assert 0 <= beat["feed_age_ms"] < 60_000
    assert beat["tape_acked_batches"] > 0
