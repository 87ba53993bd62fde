"""Topics: one channel of one instrument each, numbered densely while anybody watches them. Pure.

Everything that is kept once per topic lies in arrays here, so that many changes are noted, and looked up for many
subscriptions, in one step. Topic 0 is nobody's: empty places of a subscription table point there.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NO_TOPIC = 0
_FIRST_CAPACITY = 1024

Topics = npt.NDArray[np.intp]
Masks = npt.NDArray[np.uint16]


class TopicTable:
    """What is known of every watched topic."""

    def __init__(self, channels: int) -> None:
        self.channel = np.zeros(_FIRST_CAPACITY, np.int8)
        self.number = np.zeros(_FIRST_CAPACITY, np.intp)
        self.watchers = np.zeros(_FIRST_CAPACITY, np.int32)
        self.fresh = np.zeros(_FIRST_CAPACITY, np.uint16)
        """The fields that changed and are not marked in any subscription yet."""
        self.position = np.zeros(_FIRST_CAPACITY, np.int64)
        """How far its channel is: a sequence, or a count of prints."""
        self.version = np.zeros(_FIRST_CAPACITY, np.int64)
        """Rises with every change, and never returns: what was encoded for another version is of no use."""
        self.suspended = np.zeros(_FIRST_CAPACITY, bool)
        """Not sent just now, as the gateway has too much to do."""
        self._of = [np.zeros(0, np.intp) for _ in range(channels)]  # by channel: instrument number -> topic
        self._free: list[int] = []
        self._used = 1

    def __len__(self) -> int:
        return self._used - 1 - len(self._free)

    @property
    def capacity(self) -> int:
        """The length of arrays indexed by topic."""
        return len(self.channel)

    def watch(self, channel: int, numbers: Sequence[int]) -> Topics:
        """Add a watcher to each instrument's topic in a channel, each named once; return the topics."""
        self._reserve(channel, max(numbers, default=-1) + 1)
        topics = np.array([self._topic(channel, number) for number in numbers], np.intp)
        self.watchers[topics] += 1
        return topics

    def unwatch(self, topics: Topics) -> None:
        """Take a watcher from each topic, each named once; those left alone are free to be another's."""
        self.watchers[topics] -= 1
        for topic in topics[self.watchers[topics] == 0].tolist():
            self._of[self.channel[topic]][self.number[topic]] = NO_TOPIC
            self._free.append(topic)
            self.fresh[topic] = self.position[topic] = 0
            self.version[topic] += 1
            self.suspended[topic] = False

    def of(self, channel: int, numbers: npt.NDArray[np.intp]) -> Topics:
        """Find the topics of instruments in a channel, NO_TOPIC where nobody watches."""
        known = self._of[channel]
        try:
            return known[numbers]
        except IndexError:  # there are some beyond all that were ever watched
            topics = np.full(len(numbers), NO_TOPIC, np.intp)
            inside = numbers < len(known)
            topics[inside] = known[numbers[inside]]
            return topics

    def touch(self, topics: Topics, masks: Masks, positions: npt.NDArray[np.int64]) -> None:
        """Note that fields changed; each topic is named once. What falls on NO_TOPIC is dropped."""
        self.fresh[topics] |= masks
        self.position[topics] = positions
        self.version[topics] += 1
        self.fresh[NO_TOPIC] = 0

    def take_fresh(self) -> Masks | None:
        """Take what changed since the last time, by topic, less what is suspended; None if nothing did."""
        if not self.fresh.any():
            return None
        fresh = np.where(self.suspended, np.uint16(0), self.fresh)
        self.fresh[:] = 0
        return fresh

    def _topic(self, channel: int, number: int) -> int:
        topic = int(self._of[channel][number])
        if topic == NO_TOPIC:
            topic = self._free.pop() if self._free else self._next()
            self._of[channel][number] = topic
            self.channel[topic], self.number[topic] = channel, number
        return topic

    def _reserve(self, channel: int, numbers: int) -> None:
        known = self._of[channel]
        if numbers > len(known):
            self._of[channel] = np.concatenate([known, np.zeros(max(numbers, 2 * len(known)) - len(known), np.intp)])

    def _next(self) -> int:
        if self._used == self.capacity:
            for name in ("channel", "number", "watchers", "fresh", "position", "version", "suspended"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        self._used += 1
        return self._used - 1
