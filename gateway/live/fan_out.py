"""The fan-out of one encoding: all its clients and subscriptions, served together.

    topics that changed ──mark──▶ subscriptions ──serve──▶ rows of due clients ──▶ entries, each encoded once ──▶ frames

A client is due when its interval since its last frame is over; until then what it watches is only marked, so a slow
client costs nothing and is never sent a value that is not the latest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gateway.live.channels.channel import Channel
from gateway.live.entries import EntryCache
from gateway.live.subscriptions import NOBODY, Rows, Subscriptions
from gateway.live.topics import NO_TOPIC, Topics, TopicTable
from gateway.live.wire import Wire

MAX_ENTRIES_PER_FRAME = 256
_ROWS_AT_ONCE = 8192  # some 800 frames, or 5 ms
_SLOWEST = 4  # a client that cannot be written to is tried at up to 16 times its interval
_NEVER = np.iinfo(np.int64).max

Send = Callable[[bytes], bool]


@dataclass(slots=True)
class Sent:
    """Running totals."""

    frames: int = 0
    updates: int = 0
    bytes: int = 0
    skipped: int = 0
    """Frames that could not be written, and whose contents went into a later one."""


class FanOut:
    """The clients of one encoding; a client's `Send` writes a whole frame at once, or returns False."""

    def __init__(
        self, wire: Wire, topics: TopicTable, channels: Sequence[Channel], on_written: Callable[[Topics], None]
    ) -> None:
        self.wire = wire
        self.subscriptions = Subscriptions()
        self.sent = Sent()
        self._topics = topics
        self._channels = channels
        self._on_written = on_written
        self._full = np.array([each.full_mask for each in channels], np.uint16)
        self._entries = EntryCache(wire, topics, channels)
        self._send: list[Send] = [lambda _: False]
        self._free_tick = np.array([_NEVER])
        self._interval_ticks = np.ones(1, np.int64)
        self._slowness = np.zeros(1, np.int8)
        self._stalled_tick = np.full(1, _NEVER)
        self._left: list[int] = []
        self._unserved: list[slice] = []
        self._left_off: dict[int, int] = {}  # client -> the first row of the frame that it did not take
        self._has_own_rates = False

    @property
    def slow_clients(self) -> int:
        """How many clients are sent less as they do not read."""
        return int(np.count_nonzero(self._slowness))

    def join(self, send: Send, interval_ticks: int) -> int:
        """Add a client; return its number, good until it leaves."""
        if self._left:
            client = self._left.pop()
        else:
            client = len(self._send)
            self._send.append(send)
            if client == len(self._free_tick):
                self._grow()
        self._send[client] = send
        self._free_tick[client] = _NEVER  # until it watches something
        self._interval_ticks[client] = interval_ticks
        self._slowness[client], self._stalled_tick[client] = 0, _NEVER
        return client

    def leave(self, client: int) -> Topics:
        """Remove a client; return the topics that it had."""
        self._free_tick[client] = self._stalled_tick[client] = _NEVER
        self._slowness[client] = 0
        self._left_off.pop(client, None)
        self._send[client] = self._send[NOBODY]
        self._left.append(client)
        return self.subscriptions.leave(client)

    def pace(self, client: int, interval_ticks: int) -> None:
        """Send a client frames at that interval from now on."""
        self._interval_ticks[client] = interval_ticks

    def subscribe(self, client: int, topics: Topics, positions: npt.NDArray[np.int64], every_ticks: int) -> None:
        """Subscribe a client to topics new to it, which it has up to `positions`; `every_ticks` 0: no own rate."""
        self.subscriptions.add(client, topics, positions, every_ticks)
        if len(topics) and self._free_tick[client] == _NEVER:
            self._free_tick[client] = 0
        self._has_own_rates |= every_ticks > 0

    def pace_topics(self, client: int, topics: Topics, every_ticks: int) -> None:
        """Send a client those of its topics at that interval at most from now on; 0: no interval of their own."""
        self.subscriptions.pace(client, topics, every_ticks)
        self._has_own_rates |= every_ticks > 0

    def owe(self, client: int, topics: Topics) -> None:
        """Let the next entries of those of a client's topics be full images."""
        self.subscriptions.owe(client, topics, self._full[self._topics.channel[topics]])

    def snapshot(self, topics: Topics, since: npt.NDArray[np.int64]) -> list[bytes]:
        """Give each topic's entry with everything that is known of it since a position."""
        return self._entries.of(topics, self._full[self._topics.channel[topics]], since)

    def is_any_idle(self, tick: int) -> bool:
        """Whether a client could be sent something at once, should it change."""
        return bool((self._free_tick[: len(self._send)] <= tick).any())

    def has_pending(self) -> bool:
        """Whether a client has yet to be sent something."""
        subscriptions = self.subscriptions
        return bool(subscriptions.pending[: subscriptions.used].any())

    def stalled(self, since_tick: int) -> list[int]:
        """List the clients that have taken nothing since a tick."""
        return np.flatnonzero(self._stalled_tick[: len(self._send)] <= since_tick).tolist()

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
        rows = self._due(piece, tick)
        if len(rows) > _ROWS_AT_ONCE:
            rows = self._first_clients(rows, _ROWS_AT_ONCE)
            self._unserved.insert(0, slice(int(rows[-1]) + 1, piece.stop))
        if len(rows):
            self._write(rows, tick, at_least_ticks)
        return bool(self._unserved)

    def _first_clients(self, rows: Rows, count: int) -> Rows:
        """Give the rows of so many whole clients as have, together, `count` rows or little more."""
        clients = self.subscriptions.client[rows]
        return rows[: count + int(np.argmin(np.append(clients[count:] == clients[count], False)))]

    def _due(self, piece: slice, tick: int) -> Rows:
        """Find the pending rows of clients that are due."""
        subscriptions = self.subscriptions
        due = (subscriptions.pending[piece] != 0) & (self._free_tick <= tick)[subscriptions.client[piece]]
        if self._has_own_rates:
            due &= subscriptions.due_tick[piece] <= tick
        rows: Rows = np.flatnonzero(due) + piece.start
        # A change that the client had with its snapshot is nothing new to it.
        has_it = subscriptions.sent[rows] >= self._topics.position[subscriptions.topic[rows]]
        if has_it.any():
            subscriptions.pending[rows[has_it]] = 0
            rows = rows[~has_it]
        return rows

    def _write(self, rows: Rows, tick: int, at_least_ticks: int) -> None:
        subscriptions = self.subscriptions
        if self._left_off:
            self._begin_where_left_off(rows)
        topics = subscriptions.topic[rows]
        masks = subscriptions.pending[rows] | subscriptions.owed[rows]
        entries = self._entries.of(topics, masks, subscriptions.sent[rows])
        clients = subscriptions.client[rows]
        bounds = _frame_bounds(clients)
        receivers = clients[bounds[:-1]]
        failed = self._send_frames(receivers.tolist(), bounds.tolist(), entries, self._topics.channel[topics])
        self.sent.frames += len(receivers) - len(failed)
        interval = np.maximum(self._interval_ticks[receivers], at_least_ticks)
        if failed:
            kept = np.ones(len(rows), bool)
            for frame in reversed(failed):
                kept[bounds[frame] : bounds[frame + 1]] = False
                self._left_off[int(receivers[frame])] = int(rows[bounds[frame]])
            rows, topics = rows[kept], topics[kept]
        self._settle(receivers, failed, tick)
        turn = self._free_tick[receivers]
        self._free_tick[receivers] = _next_turn(turn, tick, interval << self._slowness[receivers])
        subscriptions.pending[rows] = subscriptions.owed[rows] = 0
        subscriptions.sent[rows] = self._topics.position[topics]
        if self._has_own_rates:
            subscriptions.due_tick[rows] = tick + subscriptions.every_ticks[rows]
        self.sent.updates += len(rows)
        self._on_written(topics)

    def _begin_where_left_off(self, rows: Rows) -> None:
        """Put the rows first that a client's socket did not take last time: the others have had their turn."""
        clients = self.subscriptions.client[rows]
        for client in set(np.unique(clients).tolist()) & self._left_off.keys():
            own = np.flatnonzero(clients == client)
            rows[own] = np.roll(rows[own], -int(np.searchsorted(rows[own], self._left_off.pop(client))))

    def _send_frames(
        self, receivers: list[int], bounds: list[int], entries: list[bytes], channels: npt.NDArray[np.int8]
    ) -> list[int]:
        """Write a frame to each receiver; return the positions of those that could not be written."""
        failed, written_bytes = [], 0
        sends = self._send
        for position, (client, frame) in enumerate(
            zip(receivers, self._frames(bounds, entries, channels), strict=True)
        ):
            if sends[client](frame):
                written_bytes += len(frame)
            else:
                failed.append(position)
        self.sent.bytes += written_bytes
        return failed

    def _frames(self, bounds: list[int], entries: list[bytes], channels: npt.NDArray[np.int8]) -> list[bytes]:
        if (channels == channels[0]).all():
            join = self.wire.joiner("update", self._channels[channels[0]].name)
            return [join(entries[low:high]) for low, high in pairwise(bounds)]
        return [self._mixed_frame(entries[low:high], channels[low:high]) for low, high in pairwise(bounds)]

    def _mixed_frame(self, entries: list[bytes], channels: npt.NDArray[np.int8]) -> bytes:
        by_channel: dict[str, list[bytes]] = {}
        for entry, channel in zip(entries, channels.tolist(), strict=True):
            by_channel.setdefault(self._channels[channel].name, []).append(entry)
        return self.wire.frame("update", by_channel)

    def _settle(self, receivers: npt.NDArray[np.intp], failed: list[int], tick: int) -> None:
        """Slow down who could not be written to, at once; speed up who could, a step at a time."""
        self._slowness[receivers] = np.maximum(self._slowness[receivers] - 1, 0)
        stuck = receivers[failed]
        self._stalled_tick[stuck] = np.minimum(self._stalled_tick[stuck], tick)
        self._stalled_tick[np.delete(receivers, failed)] = _NEVER  # whoever took one of several frames reads
        self._slowness[stuck] = np.minimum(self._slowness[stuck] + 2, _SLOWEST)
        self.sent.skipped += len(failed)

    def _grow(self) -> None:
        more = max(1024, len(self._free_tick))
        self._free_tick = np.append(self._free_tick, np.full(more, _NEVER))
        self._interval_ticks = np.append(self._interval_ticks, np.ones(more, np.int64))
        self._slowness = np.append(self._slowness, np.zeros(more, np.int8))
        self._stalled_tick = np.append(self._stalled_tick, np.full(more, _NEVER))


def _next_turn(turn: npt.NDArray[np.int64], tick: int, interval: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the turn after one that is served at a tick.

    Whoever is served late keeps its place in time: else all that were late together would be due together ever after.
    """
    return np.where(tick - turn < interval, turn, tick) + interval


def _frame_bounds(clients: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Find where each frame begins, and where the last ends: another client's, or a full one's next."""
    edges = np.flatnonzero(clients[1:] != clients[:-1]) + 1
    bounds = np.concatenate([[0], edges, [len(clients)]])
    sizes = np.diff(bounds)
    if (sizes > MAX_ENTRIES_PER_FRAME).any():
        parts = [np.arange(low, high, MAX_ENTRIES_PER_FRAME) for low, high in pairwise(bounds.tolist())]
        bounds = np.concatenate([*parts, [len(clients)]])
    return bounds
