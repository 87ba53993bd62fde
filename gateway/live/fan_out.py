"""The fan-out of one encoding: all its clients and subscriptions, served together.

    topics that changed ──mark──▶ subscriptions ──find_due──▶ rows of due clients ──▶ entries, each encoded once
                                                                                            │
                                                    sockets ◀──write_frames── frames ◀──join─┘

A client is due when its interval since its last frame is over; until then what it watches is only marked, so a slow
client costs nothing and is never sent a value that is not the latest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from gateway.live.channels.channel import Channel
from gateway.live.clients import NEVER, Clients
from gateway.live.direct_send import DirectSend
from gateway.live.due import find_due, room_for
from gateway.live.entries import EntryCache
from gateway.live.framing import (
    BYTES,
    MESSAGE_AT,
    Entries,
    Outcome,
    Pass,
    buffer_bytes,
    end_of_client,
    join,
    largest_client_bytes,
    layout_of,
    settle,
    write_frames,
)
from gateway.live.subscriptions import NOBODY, SLICE_ROWS, Subscriptions
from gateway.live.topics import NO_TOPIC, Topics, TopicTable
from gateway.live.wire import Wire

MAX_ENTRIES_PER_FRAME = 256
_ROWS_AT_ONCE = 8192  # some 800 frames, or 4 ms

Send = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Sent:
    """Running totals."""

    frames: int
    updates: int
    bytes: int
    skipped: int
    """Frames that could not be written, and whose contents went into a later one."""


class FanOut:
    """The clients of one encoding; a client's `Send` takes a whole frame at once, or returns False."""

    def __init__(
        self, wire: Wire, topics: TopicTable, channels: Sequence[Channel], on_written: Callable[[Topics], None]
    ) -> None:
        self.wire = wire
        self.subscriptions = Subscriptions()
        self._clients = Clients()
        self._topics = topics
        self._on_written = on_written
        self._full = np.array([each.full_mask for each in channels], np.uint16)
        self._entries = EntryCache(wire, topics, channels)
        self._layout = layout_of(wire, [each.name for each in channels])
        self._due = room_for(_ROWS_AT_ONCE + SLICE_ROWS)
        self._buffer = np.empty(0, np.uint8)
        self._outcome = Outcome(np.zeros(4, np.int64), np.zeros(3, np.int64))
        self._ways: dict[int, tuple[Send, DirectSend | None]] = {}
        self._unserved: list[slice] = []
        self._rehearse()

    @property
    def sent(self) -> Sent:
        """What has been sent so far."""
        return Sent(*self._outcome.totals.tolist())

    @property
    def slow_clients(self) -> int:
        """How many clients are sent less as they do not read."""
        return self._clients.slow

    def join(self, send: Send, interval_ticks: int, direct: DirectSend | None = None) -> int:
        """Add a client; return its number, good until it leaves. What can go directly, does."""
        client = self._clients.join(interval_ticks)
        self._ways[client] = (send, direct)
        if direct is not None:
            direct.attend(partial(self._reach, client))
        return client

    def leave(self, client: int) -> Topics:
        """Remove a client; return the topics that it had."""
        _, direct = self._ways.pop(client)
        if direct is not None:
            direct.attend(None)
        self._clients.leave(client)
        return self.subscriptions.leave(client)

    def pace(self, client: int, interval_ticks: int) -> None:
        """Send a client frames at that interval from now on."""
        self._clients.columns.interval_ticks[client] = interval_ticks

    def subscribe(self, client: int, topics: Topics, positions: npt.NDArray[np.int64], every_ticks: int) -> None:
        """Subscribe a client to topics new to it, which it has up to `positions`; `every_ticks` 0: no own rate."""
        self.subscriptions.add(client, topics, positions, every_ticks)
        if len(topics) and self._clients.columns.free_tick[client] == NEVER:
            self._clients.columns.free_tick[client] = 0

    def pace_topics(self, client: int, topics: Topics, every_ticks: int) -> None:
        """Send a client those of its topics at that interval at most from now on; 0: no interval of their own."""
        self.subscriptions.pace(client, topics, every_ticks)

    def owe(self, client: int, topics: Topics) -> None:
        """Let the next entries of those of a client's topics be full images."""
        self.subscriptions.owe(client, topics, self._full[self._topics.channel[topics]])

    def snapshot(self, topics: Topics, since: npt.NDArray[np.int64]) -> list[bytes]:
        """Give each topic's entry with everything that is known of it since a position."""
        return self._entries.of(topics, self._full[self._topics.channel[topics]], since)

    def is_any_idle(self, tick: int) -> bool:
        """Whether a client could be sent something at once, should it change."""
        return self._clients.is_any_free(tick)

    def has_pending(self) -> bool:
        """Whether a client has yet to be sent something."""
        subscriptions = self.subscriptions
        return bool(subscriptions.pending[: subscriptions.used].any())

    def stalled(self, since_tick: int) -> list[int]:
        """List the clients that have taken nothing since a tick."""
        return self._clients.stalled(since_tick)

    def owe_full(self, rows: slice) -> None:
        """Let the next entry of some subscriptions be a full image."""
        subscriptions = self.subscriptions
        rows = slice(rows.start, min(rows.stop, subscriptions.used))
        subscriptions.owed[rows] = self._full[self._topics.channel[subscriptions.topic[rows]]]

    def suspend(self) -> None:
        """Drop what is pending of suspended topics; when they are back they begin with a full image."""
        subscriptions = self.subscriptions
        used = slice(0, subscriptions.used)
        rows = np.flatnonzero(self._topics.suspended[subscriptions.topic[used]])
        subscriptions.pending[rows] = 0

    def resume(self, was_suspended: npt.NDArray[np.bool_]) -> None:
        """Send a full image of topics that were suspended and are not now."""
        subscriptions = self.subscriptions
        topics = subscriptions.topic[: subscriptions.used]
        back = np.zeros(self._topics.capacity, bool)
        back[: len(was_suspended)] = was_suspended
        back[NO_TOPIC] = False
        rows = np.flatnonzero((back & ~self._topics.suspended)[topics])
        subscriptions.pending[rows] = subscriptions.owed[rows] = self._full[self._topics.channel[topics[rows]]]

    def begin_round(self) -> None:
        """Let `serve` look at everybody once more."""
        self._unserved = self.subscriptions.slices()

    def serve(self, tick: int, at_least_ticks: int) -> bool:
        """Serve the next slice of subscriptions; False when the round is over.

        `at_least_ticks` is the shortest interval that any client gets just now.
        """
        if not self._unserved:
            return False
        piece = self._unserved.pop(0)
        count, went_to = find_due(
            self.subscriptions.columns(), self._clients.columns, self._topics.position,
            tick, piece.start, piece.stop, _ROWS_AT_ONCE, self._due,
        )  # fmt: skip
        if went_to < piece.stop:
            self._unserved.insert(0, slice(went_to, piece.stop))
        if count:
            self._write(self._pass(count, tick, at_least_ticks), count)
            is_written = self.subscriptions.pending[self._due.row[:count]] == 0
            self._on_written(self._due.topic[:count][is_written])
        return bool(self._unserved)

    def _rehearse(self) -> None:
        """Serve nobody: what is compiled, is compiled before anybody waits for it."""
        self.subscriptions.mark(self._topics.fresh)
        self._unserved = [slice(0, 0)]
        self.serve(0, 1)
        run = self._pass(0, 0, 1)
        write_frames(run, 0, 0)
        self._offer(run, 0, 0)
        join(run.layout, run.entries, run.due, 0, 0, run.buffer)

    def _pass(self, count: int, tick: int, at_least_ticks: int) -> Pass:
        """Have the entries of that many due rows, and room for their frames."""
        due, table = self._due, self.subscriptions.columns()
        places = self._entries.find(due.topic[:count], due.mask[:count], due.since[:count])
        entries = Entries(self._entries.data, *places, self._topics.channel, self._topics.position)
        needed_bytes = buffer_bytes(largest_client_bytes(table, due, entries, count), count)
        if needed_bytes > len(self._buffer):
            self._buffer = np.empty(2 * needed_bytes, np.uint8)
        return Pass(
            self._layout, table, self._clients.columns, due, entries, self._buffer, self._outcome,
            MAX_ENTRIES_PER_FRAME, tick, at_least_ticks,
        )  # fmt: skip

    def _write(self, run: Pass, count: int) -> None:
        """Write the frames of that many due rows."""
        at = 0
        while at < count:
            at = write_frames(run, at, count)
            client, start, stop = self._outcome.rest.tolist()
            if client != NOBODY:
                self._finish(client, self._buffer[start:stop].tobytes())
            elif at < count:
                at = self._offer(run, at, count)

    def _offer(self, run: Pass, at: int, count: int) -> int:
        """Offer a client its frames the slow way, as it has no descriptor now; return where its rows end."""
        end = end_of_client(run.table, run.due, at, count)
        taken = at
        while taken < end:
            high = min(end, taken + run.most_entries)
            stop = join(run.layout, run.entries, run.due, taken, high, run.buffer)
            message = run.buffer[MESSAGE_AT:stop].tobytes()
            send, _ = self._ways[int(run.table.client[run.due.row[at]])]
            if not send(message):
                break
            self._outcome.totals[BYTES] += len(message)
            taken = high
        settle(
            run.table, run.readers, run.due, run.entries, at, taken, end,
            run.most_entries, run.tick, run.at_least_ticks, run.outcome,
        )  # fmt: skip
        return end

    def _finish(self, client: int, rest: bytes) -> None:
        """Let the transport have the rest of a frame that a socket took a part of."""
        _, direct = self._ways[client]
        if direct is not None:
            direct.finish(rest)

    def _reach(self, client: int, descriptor: int) -> None:
        """Note where a client can be written to directly, or that it cannot."""
        self._clients.columns.descriptor[client] = descriptor
