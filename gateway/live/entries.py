"""Encoded entries, each made once for all the clients of an encoding that are to be sent the same."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.live.channels.channel import Channel
from gateway.live.channels.encoded import Encoded
from gateway.live.topics import Masks, Topics, TopicTable
from gateway.live.wire import Wire
from market.compiled import compiled

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


class _Found(NamedTuple):
    """By place in what was asked for: where the entry is, or which of the wanted it will be; and those, each once."""

    start: Places
    length: Places
    wanted: Places
    """Which of the wanted it is, or less than 0 where it is there already."""
    first: Places
    """Of the wanted: the place where it was first asked for."""
    before: Places
    """Of the wanted: the one wanted before of the same topic, or less than 0."""


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
        self._found = _Found(*np.empty((len(_Found._fields), 0), np.int64))

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
        """Find where the entries begin in `data`, and their lengths, and make those that are missing.

        Both are good until the next time.
        """
        self._reserve(len(topics))
        table, found = self._topics, self._found
        missing = _look_up(self._kept, table.version, table.channel, self._is_log, topics, masks, since, found)
        first = found.first[:missing]
        starts, lengths = self._make(topics[first], masks[first], since[first])
        _take_over(
            self._kept,
            table.version,
            table.channel,
            self._is_log,
            topics,
            masks,
            since,
            found,
            missing,
            starts,
            lengths,
        )
        return found.start[: len(topics)], found.length[: len(topics)]

    def _make(self, topics: Topics, masks: Masks, since: Places) -> tuple[Places, Places]:
        """Make entries; return where they are."""
        channels = self._topics.channel[topics]
        numbers = self._topics.number[topics]
        if len(topics) and (channels == channels[0]).all():
            return self._keep(self._channels[channels[0]].entries(self._wire, numbers, masks, since))
        starts, lengths = np.empty(len(topics), np.int64), np.empty(len(topics), np.int64)
        for index in np.unique(channels).tolist():
            of_it = np.flatnonzero(channels == index)
            made = self._channels[index].entries(self._wire, numbers[of_it], masks[of_it], since[of_it])
            starts[of_it], lengths[of_it] = self._keep(made)
        return starts, lengths

    def _keep(self, made: Encoded) -> tuple[Places, Places]:
        """Put entries into the arena; return where they are."""
        start = self._used_bytes
        self._used_bytes += len(made.data)
        if self._used_bytes > len(self._arena):
            more = np.empty(max(len(made.data), len(self._arena)), np.uint8)
            self._arena = np.concatenate([self._arena, more])
        self._arena[start : self._used_bytes] = made.data
        return made.lengths.cumsum() + (start - made.lengths), made.lengths

    def _reserve(self, count: int) -> None:
        """Have a place for each topic; and begin anew where the arena is half full, which is often enough."""
        missing = self._topics.capacity - len(self._kept.version)
        if missing > 0:
            self._kept = _Kept(*(np.concatenate(each) for each in zip(self._kept, _blank(missing), strict=True)))
        if count > len(self._found.start):
            self._found = _Found(*np.empty((len(_Found._fields), 2 * count), np.int64))
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
    found: _Found,
) -> int:
    """Find the entries that are there, and list the others as wanted; return how many those are."""
    missing = 0
    for place in range(len(topics)):
        topic = topics[place]
        key = since[place] if is_log[channel_of[topic]] else int(masks[place])
        found.wanted[place] = -1
        if kept.version[topic] == version_of[topic] and kept.key[topic] == key:
            found.start[place], found.length[place] = kept.start[topic], kept.length[topic]
            continue
        wanted = kept.newest[topic]
        while wanted >= 0:
            first = found.first[wanted]
            if key == (since[first] if is_log[channel_of[topic]] else int(masks[first])):
                break
            wanted = found.before[wanted]
        if wanted < 0:
            wanted = missing
            found.first[wanted], found.before[wanted] = place, kept.newest[topic]
            kept.newest[topic] = wanted
            missing += 1
        found.wanted[place] = wanted
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
    found: _Found,
    missing: int,
    starts: Places,
    lengths: Places,
) -> None:
    """Note where the wanted entries are now, and keep the last of each topic."""
    for wanted in range(missing):
        place = found.first[wanted]
        topic = topics[place]
        kept.newest[topic] = -1
        kept.version[topic] = version_of[topic]
        kept.key[topic] = since[place] if is_log[channel_of[topic]] else int(masks[place])
        kept.start[topic], kept.length[topic] = starts[wanted], lengths[wanted]
    for place in range(len(topics)):
        wanted = found.wanted[place]
        if wanted >= 0:
            found.start[place], found.length[place] = starts[wanted], lengths[wanted]
