"""Encoded entries, each made once for all the clients of an encoding that are to be sent the same."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.live.channels.channel import Channel
from gateway.live.compiled import compiled
from gateway.live.topics import Masks, Topics, TopicTable
from gateway.live.wire import Wire

Places = npt.NDArray[np.int64]

_NO_VERSION = -1
_ARENA_BYTES = 1 << 20


class _Kept(NamedTuple):
    """By topic: its last entry, good for the version and the key that it was made for."""

    version: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]
    """The fields that it has, or, of a log, the position that it begins from."""
    start: Places
    length: Places
    newest: npt.NDArray[np.int64]
    """While entries are looked up: the last wanted of this topic, or less than 0."""


class _Wanted(NamedTuple):
    """Entries to be made: the place where each was first asked for, and the one wanted before of the same topic."""

    place: Places
    before: Places


class EntryCache:
    """The last entry made of each topic, good while the topic stays as it is and the same fields are wanted."""

    def __init__(self, wire: Wire, topics: TopicTable, channels: Sequence[Channel]) -> None:
        self._wire = wire
        self._topics = topics
        self._channels = channels
        self._is_log = np.array([each.is_log for each in channels])
        self._arena = np.empty(_ARENA_BYTES, np.uint8)
        self._used_bytes = 0
        self._kept = _blank(0)

    @property
    def data(self) -> npt.NDArray[np.uint8]:
        """The bytes that `find` tells the places of, until the next time."""
        return self._arena

    def of(self, topics: Topics, masks: Masks, since: Places) -> list[bytes]:
        """Give the entries of topics, with the fields in `masks`, for clients that have them up to `since`."""
        starts, lengths = self.find(topics, masks, since)
        ends = (starts + lengths).tolist()
        return [self._arena[start:end].tobytes() for start, end in zip(starts.tolist(), ends, strict=True)]

    def find(self, topics: Topics, masks: Masks, since: Places) -> tuple[Places, Places]:
        """Find where the entries begin in `data`, and their lengths, and make those that are missing."""
        self._reserve()
        table, kept, count = self._topics, self._kept, len(topics)
        starts, lengths, wanted_at = (np.empty(count, np.int64) for _ in range(3))
        wanted = _Wanted(np.empty(count, np.int64), np.empty(count, np.int64))
        missing = _look_up(
            kept, table.version, table.channel, self._is_log, topics, masks, since, starts, lengths, wanted_at, wanted
        )
        first = wanted.place[:missing]
        made = self._make(topics[first], masks[first], since[first])
        _take_over(
            kept, table.version, table.channel, self._is_log, topics, masks, since, starts, lengths, wanted_at,
            first, *made,
        )  # fmt: skip
        return starts, lengths

    def _make(self, topics: Topics, masks: Masks, since: Places) -> tuple[Places, Places]:
        """Make entries; return where they are."""
        starts, lengths = np.empty(len(topics), np.int64), np.empty(len(topics), np.int64)
        channels = self._topics.channel[topics]
        for index, channel in enumerate(self._channels):
            wanted = np.flatnonzero(channels == index)
            if len(wanted):
                numbers = self._topics.number[topics[wanted]]
                data, each = channel.entries(self._wire, numbers, masks[wanted], since[wanted])
                lengths[wanted], starts[wanted] = each, self._keep(data) + np.cumsum(each) - each
        return starts, lengths

    def _keep(self, data: npt.NDArray[np.uint8]) -> int:
        """Put bytes into the arena; return where they begin."""
        start = self._used_bytes
        self._used_bytes += len(data)
        if self._used_bytes > len(self._arena):
            self._arena = np.concatenate([self._arena, np.empty(max(len(data), len(self._arena)), np.uint8)])
        self._arena[start : self._used_bytes] = data
        return start

    def _reserve(self) -> None:
        """Have a place for each topic; and begin anew where the arena is half full, which is often enough."""
        missing = self._topics.capacity - len(self._kept.version)
        if missing > 0:
            self._kept = _Kept(*(np.concatenate(each) for each in zip(self._kept, _blank(missing), strict=True)))
        if self._used_bytes > len(self._arena) // 2:
            self._used_bytes = 0
            self._kept.version[:] = _NO_VERSION


def _blank(topics: int) -> _Kept:
    blank = (_NO_VERSION, 0, 0, 0, -1)
    return _Kept(*(np.full(topics, each, np.int64) for each in blank))


@compiled
def _look_up(
    kept: _Kept,
    version_of: npt.NDArray[np.int64],
    channel_of: npt.NDArray[np.int8],
    is_log: npt.NDArray[np.bool_],
    topics: Topics,
    masks: Masks,
    since: Places,
    starts: Places,
    lengths: Places,
    wanted_at: Places,
    wanted: _Wanted,
) -> int:
    """Find the entries that are there; list the others in `wanted`, each once, and return how many there are.

    `wanted_at` says of each which of the wanted it is, or less than 0 where it is there.
    """
    missing = 0
    for place in range(len(topics)):
        topic = topics[place]
        key = since[place] if is_log[channel_of[topic]] else np.int64(masks[place])
        wanted_at[place] = -1
        if kept.version[topic] == version_of[topic] and kept.key[topic] == key:
            starts[place], lengths[place] = kept.start[topic], kept.length[topic]
            continue
        found = kept.newest[topic]
        while found >= 0:
            first = wanted.place[found]
            if key == (since[first] if is_log[channel_of[topic]] else np.int64(masks[first])):
                break
            found = wanted.before[found]
        if found < 0:
            found = missing
            wanted.place[found], wanted.before[found] = place, kept.newest[topic]
            kept.newest[topic] = found
            missing += 1
        wanted_at[place] = found
    return missing


@compiled
def _take_over(
    kept: _Kept,
    version_of: npt.NDArray[np.int64],
    channel_of: npt.NDArray[np.int8],
    is_log: npt.NDArray[np.bool_],
    topics: Topics,
    masks: Masks,
    since: Places,
    starts: Places,
    lengths: Places,
    wanted_at: Places,
    first: Places,
    made_starts: Places,
    made_lengths: Places,
) -> None:
    """Note where the wanted entries are now, and keep the last of each topic."""
    for found in range(len(first)):
        place = first[found]
        topic = topics[place]
        kept.newest[topic] = -1
        kept.version[topic] = version_of[topic]
        kept.key[topic] = since[place] if is_log[channel_of[topic]] else np.int64(masks[place])
        kept.start[topic], kept.length[topic] = made_starts[found], made_lengths[found]
    for place in range(len(topics)):
        found = wanted_at[place]
        if found >= 0:
            starts[place], lengths[place] = made_starts[found], made_lengths[found]
