"""What an overloaded gateway does about it: applies the ladder's level to the fan-out, and tells the clients."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from random import random

import numpy as np
import numpy.typing as npt

from gateway.live.admission import retry_after_ms
from gateway.live.channels.channel import Channel
from gateway.live.fan_out import FanOut
from gateway.live.fan_out_loop import FanOutLoop
from gateway.live.messages import Mode
from gateway.live.outlet import TooSlowError
from gateway.live.overload import POLL_AFTER_MS, POLL_SPREAD_MS, Ladder, Level, Terms, mode_of
from gateway.live.session import Session
from gateway.live.ticks import interval_ticks, rate_per_s
from gateway.live.topics import Topics, TopicTable

_logger = logging.getLogger(__name__)

_TOLD_AT_ONCE = 200  # clients, before the event loop gets its turn: an overloaded one above all


class Relief:
    """The present level, and what follows from it."""

    def __init__(
        self,
        ladder: Ladder,
        topics: TopicTable,
        channels: Sequence[Channel],
        fan_outs: Sequence[FanOut],
        loop: FanOutLoop,
        name_of: Callable[[int], str],
        frames_per_s: float,
        most_watched: int,
    ) -> None:
        self.sessions: Callable[[], Iterable[Session]] = lambda: ()
        self._ladder = ladder
        self._topics = topics
        self._channels = channels
        self._fan_outs = fan_outs
        self._loop = loop
        self._name_of = name_of
        self._frames_per_s = frames_per_s
        self._most_watched = most_watched
        self._is_hot = np.zeros(0, bool)
        self._telling: asyncio.Task[None] | None = None
        self.level = Level.FULL
        self._terms = self._terms_of(Level.FULL)
        self._loop.at_least_ticks = interval_ticks(frames_per_s)

    def observe(self, now_s: float, lag_s: float, cpu: float) -> None:
        """Take a sample of the load, and act where it changes the level."""
        level = self._ladder.observe(now_s, lag_s, cpu)
        if level != self.level:
            _logger.warning("overload level %d (%s): lag %.0f ms, cpu %.2f", level, level.name, lag_s * 1e3, cpu)
            self.apply(level)

    def apply(self, level: Level) -> None:
        """Send as much as a level allows, and tell everybody."""
        self.level = level
        self._terms = self._terms_of(level)
        self._loop.at_least_ticks = interval_ticks(self._terms.rate)
        self._is_hot = self._most_watched_topics()
        before = self._topics.suspended
        self._topics.suspended = self._is_suspended(np.arange(self._topics.capacity))
        for fan_out in self._fan_outs:
            fan_out.suspend()
            fan_out.resume(before)
        self._loop.changed()
        if self._telling is not None:
            self._telling.cancel()
        self._telling = asyncio.ensure_future(self._tell_all())

    def consider(self, topics: Topics) -> None:
        """Suspend topics that nobody watched before, where the level says so."""
        if self.level:
            new = topics[self._topics.watchers[topics] == 1]
            self._topics.suspended[new] = self._is_suspended(new)

    def tell_if_any(self, session: Session) -> None:
        """Tell a client the level, if there is one: what it has just subscribed to may not be sent."""
        if self.level:
            self._tell(session)

    def _terms_of(self, level: Level) -> Terms:
        kept = [each.name for each in self._channels if not each.is_dropped_first]
        return mode_of(level, self._frames_per_s, [each.name for each in self._channels], kept)

    def _most_watched_topics(self) -> npt.NDArray[np.bool_]:
        """Tell, by topic, which are the most watched of those that would stream: so many, and no more on a tie."""
        watchers = np.where(self._is_dropped_first(np.arange(self._topics.capacity)), 0, self._topics.watchers)
        is_hot = np.zeros(self._topics.capacity, bool)
        is_hot[np.argsort(-watchers, kind="stable")[: self._most_watched]] = True
        return is_hot

    def _is_dropped_first(self, topics: Topics) -> npt.NDArray[np.bool_]:
        dropped_first = np.array([each.is_dropped_first for each in self._channels])
        found: npt.NDArray[np.bool_] = dropped_first[self._topics.channel[topics]]
        return found

    def _is_suspended(self, topics: Topics) -> npt.NDArray[np.bool_]:
        if self.level >= Level.POLL:
            return np.ones(len(topics), bool)
        suspended = np.zeros(len(topics), bool)
        if self.level >= Level.QUOTES_ONLY:
            suspended |= self._is_dropped_first(topics)
        if self.level >= Level.MOST_WATCHED:
            known = topics < len(self._is_hot)
            suspended |= ~known
            suspended[known] |= ~self._is_hot[topics[known]]
        return suspended

    async def _tell_all(self) -> None:
        for count, session in enumerate(list(self.sessions()), 1):
            try:
                self._tell(session)
            except TooSlowError:
                continue  # it is closed for that when it has been stuck for long enough
            if count % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _tell(self, session: Session) -> None:
        terms, subscriptions = self._terms, session.fan_out.subscriptions
        topics = subscriptions.topic[subscriptions.rows(session.client)]
        streamed = [channel.name in terms.channels for channel in self._channels]
        withheld = topics[self._topics.suspended[topics] & np.array(streamed)[self._topics.channel[topics]]]
        numbers = np.unique(self._topics.number[withheld]).tolist()
        message = Mode(
            level=terms.level,
            mode=terms.mode,
            rate=rate_per_s(max(self._loop.at_least_ticks, session.interval_ticks)),
            channels=terms.channels,
            on_demand=[self._name_of(number) for number in numbers],
        )
        if not terms.channels:
            message = Mode(message.level, message.mode, message.rate, (), [], self._poll_after_ms())
        session.answer(message)

    @staticmethod
    def _poll_after_ms() -> int:
        return retry_after_ms(POLL_AFTER_MS, POLL_SPREAD_MS, random)
