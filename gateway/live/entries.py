"""Encoded entries, each made once for all the clients of an encoding that are to be sent the same."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gateway.live.channels.channel import Channel
from gateway.live.topics import Masks, Topics, TopicTable
from gateway.live.wire import Wire

_NO_VERSION = -1
_MASK_BITS = 16


class EntryCache:
    """The last entry made of each topic, good while the topic stays as it is and the same fields are wanted."""

    def __init__(self, wire: Wire, topics: TopicTable, channels: Sequence[Channel]) -> None:
        self._wire = wire
        self._topics = topics
        self._channels = channels
        self._entry = np.empty(0, object)
        self._mask = np.zeros(0, np.uint16)
        self._version = np.zeros(0, np.int64)

    def of(self, topics: Topics, masks: Masks, since: npt.NDArray[np.int64]) -> list[bytes]:
        """Give the entries of topics, with the fields in `masks`, for clients that have them up to `since`."""
        self._reserve()
        held = (self._version[topics] == self._topics.version[topics]) & (self._mask[topics] == masks)
        entries = self._entry[topics]
        missing = np.flatnonzero(~held)
        if len(missing):
            entries[missing] = self._made(topics[missing], masks[missing], since[missing])
        found: list[bytes] = entries.tolist()
        return found

    def _made(self, topics: Topics, masks: Masks, since: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        made = np.empty(len(topics), object)
        channels = self._topics.channel[topics]
        for index, channel in enumerate(self._channels):
            wanted = np.flatnonzero(channels == index)
            if len(wanted):
                make = self._made_since if channel.is_log else self._made_once
                made[wanted] = make(channel, topics[wanted], masks[wanted], since[wanted])
        return made

    def _made_once(
        self, channel: Channel, topics: Topics, masks: Masks, since: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.object_]:
        """Make every pair of topic and mask once, and keep the last of each topic."""
        _, first, place = np.unique((topics << _MASK_BITS) | masks, return_index=True, return_inverse=True)
        topics, masks = topics[first], masks[first]
        made = _objects(channel.entries(self._wire, self._topics.number[topics], masks, since[first]))
        self._entry[topics], self._mask[topics] = made, masks
        self._version[topics] = self._topics.version[topics]
        return made[place]

    def _made_since(
        self, channel: Channel, topics: Topics, masks: Masks, since: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.object_]:
        """Make every pair of topic and position once."""
        pairs, first, place = np.unique(np.stack([topics, since]), axis=1, return_index=True, return_inverse=True)
        numbers = self._topics.number[pairs[0]]
        return _objects(channel.entries(self._wire, numbers, masks[first], pairs[1]))[place.reshape(-1)]

    def _reserve(self) -> None:
        missing = self._topics.capacity - len(self._entry)
        if missing > 0:
            self._entry = np.append(self._entry, np.empty(missing, object))
            self._mask = np.append(self._mask, np.zeros(missing, np.uint16))
            self._version = np.append(self._version, np.full(missing, _NO_VERSION))


def _objects(entries: list[bytes]) -> npt.NDArray[np.object_]:
    column = np.empty(len(entries), object)
    column[:] = entries
    return column
