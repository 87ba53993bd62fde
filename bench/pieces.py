"""What the pieces cost alone, in nanoseconds a row, beside the same done a row at a time."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Coroutine, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench import per_row
from bench.listed_market import BATCH_ROWS, ListedMarket, open_market
from bench.processes import Line, running
from bench.rounds import Piece, ns_per_row
from bench.table import Line as TableLine
from gateway.quote_table import QuoteTable
from market import rows, subjects
from market.conflation import Conflator
from market.row_type import as_bytes
from mesh.bulk_client import BulkClient
from mesh.frames import SubjectTable

SYMBOLS = 20_000
WINDOW_NS = 20_000_000
SLICE_NS = 5_000_000
READ_BYTES = 32 << 10  # what nats-py reads at once

Pair = tuple[str, Piece, Piece, str]  # name, ours, the peer, notes


async def take_apart(line: Line) -> None:
    """Measure every piece and its peer, in processor time."""
    market = open_market(SYMBOLS)
    for name, ours, theirs, notes in _pieces(market):
        line.say(name=name, ours=ns_per_row(ours), theirs=ns_per_row(theirs), notes=notes)
        await asyncio.sleep(0)
    line.say(name="")


def _pieces(market: ListedMarket) -> Iterator[Pair]:
    yield _generation(market)
    yield _fold(market)
    yield _conflation(market)
    yield _framing(market)
    yield _parsing(market)


def _generation(market: ListedMarket) -> Pair:
    mids, source = [100.0] * SYMBOLS, random.Random(1)
    return (
        "simulated market",
        lambda: len(next(market.batches).events),
        lambda: len(per_row.simulate(source, mids, BATCH_ROWS, 0)) // rows.EVENT_BYTES,
        f"Batches of {BATCH_ROWS:,} of {SYMBOLS:,} instruments; the peer makes quotes only, of a simpler market.",
    )


def _fold(market: ListedMarket) -> Pair:
    batches = [next(market.batches).events for _ in range(20)]
    turns, plain_turns = (
        itertools.cycle(batches),
        itertools.cycle([batch.tobytes() for batch in batches]),
    )
    states = per_row.States()

    def fold() -> int:
        events = next(turns)
        market.state.apply(events)
        return len(events)

    notes = f"Batches of {BATCH_ROWS:,}, numbered and folded; the peer decodes with msgspec, and knows no days."
    return "MarketState.apply", fold, lambda: states.apply(next(plain_turns)), notes


def _conflation(market: ListedMarket) -> Pair:
    changes = [np.unique(next(market.batches).events["instrument"]).astype(np.intp) for _ in range(20)]
    conflator, conflater = Conflator(WINDOW_NS), per_row.Conflater(WINDOW_NS)
    conflator.reserve(SYMBOLS)
    turns, plain_turns = (
        itertools.cycle(changes),
        itertools.cycle([each.tolist() for each in changes]),
    )
    clock, plain_clock = (
        itertools.count(WINDOW_NS, SLICE_NS),
        itertools.count(WINDOW_NS, SLICE_NS),
    )

    def conflate() -> int:
        changed = next(turns)
        conflator.mark(changed)
        conflator.take(next(clock))
        return len(changed)

    def conflate_plainly() -> int:
        changed = next(plain_turns)
        conflater.take(changed, next(plain_clock))
        return len(changed)

    return (
        "Conflator, mark and take",
        conflate,
        conflate_plainly,
        "Per changed instrument, a window of 20 ms.",
    )


def _framing(market: ListedMarket) -> Pair:
    table = SubjectTable("quote")
    table.add({int(each.number): each.key.token for each in market.instruments})
    numbers = market.shuffled(1)[:BATCH_ROWS]
    states = as_bytes(market.state.snapshot(numbers))
    names = [subjects.quote(market.instruments[number].key) for number in numbers]
    payloads = [row.tobytes() for row in states]

    def frame() -> int:
        table.frames(numbers, states)
        return len(numbers)

    def frame_plainly() -> int:
        per_row.frames(names, payloads)
        return len(names)

    notes = f"{BATCH_ROWS:,} STATE rows; the peer formats subjects and payloads that lie ready."
    return "SubjectTable.frames", frame, frame_plainly, notes


def _parsing(market: ListedMarket) -> Pair:
    client, held = BulkClient(), [QuoteTable()]

    def receive(slots: npt.NDArray[np.intp], payloads: npt.NDArray[np.uint8]) -> None:
        held[0].merge(slots, payloads.view(rows.STATE.dtype).reshape(-1))

    bulk = client.open_bulk(rows.STATE.width_bytes, receive)
    names = {int(each.number): subjects.quote(each.key) for each in market.instruments}
    client.subscribe_many(bulk, names)
    parser = client._ps  # nats-py has no other way to its parser
    order, states = market.shuffled(2), market.state.snapshot(market.shuffled(2))
    wire = b"".join(
        b"MSG %s %d %d\r\n%s\r\n" % (names[number].encode(), bulk.sids[number], len(state), state.tobytes())
        for number, state in zip(order.tolist(), as_bytes(states), strict=True)
    )
    chunks = [wire[start : start + READ_BYTES] for start in range(0, len(wire), READ_BYTES)]
    slot_of = {sid: slot for slot, sid in bulk.sids.items()}
    newest: dict[int, bytes] = {}

    def parse() -> int:
        held[0] = QuoteTable()  # an empty one, so that every row is newer
        held[0].reserve(SYMBOLS)
        for chunk in chunks:
            _finish(parser.parse(chunk))
        return len(order)

    plain = partial(per_row.parse, wire, slot_of, newest.__setitem__)
    notes = f"{READ_BYTES >> 10} KiB at a time, as nats-py reads; the peer splits all at once, and keeps the newest."
    return "BulkParser.parse and QuoteTable.merge", parse, plain, notes


def _finish(parsing: Coroutine[None, None, None]) -> None:
    """Run a coroutine that has nothing to wait for, without the cost of a loop."""
    with contextlib.suppress(StopIteration):
        parsing.send(None)


async def measure(folder: Path) -> list[TableLine]:
    """Ask for each piece in turn."""
    lines = []
    async with running(folder, take_apart) as worker:
        while (figures := await worker.answer())["name"]:
            lines.append(
                TableLine(
                    f"piece: {figures['name']}",
                    f"{figures['ours']:.0f} ns/row",
                    peer=f"a row at a time: {figures['theirs']:,.0f} ns, {figures['theirs'] / figures['ours']:.1f} x",
                    notes=figures["notes"],
                )
            )
    return lines
