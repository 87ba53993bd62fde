"""What clients ask about symbols: subscribe, unsubscribe, resume, and snapshots on demand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from gateway.live.admission import Admission
from gateway.live.channels.channel import Channel, Positions
from gateway.live.fan_out import MAX_ENTRIES_PER_FRAME
from gateway.live.fan_out_loop import FanOutLoop
from gateway.live.gaps import Gap, gap_of
from gateway.live.messages import Error, Resumed, Subscribed, Unsubscribed
from gateway.live.relief import Relief
from gateway.live.session import Session
from gateway.live.ticks import interval_ticks, rate_per_s
from gateway.live.topics import NO_TOPIC, Topics, TopicTable
from gateway.upstream import UnknownSymbolError, Upstream
from market.instrument import Instrument
from market.symbols import SymbolError
from mesh.bulk_client import TooManySubscriptionsError

_SHOWN_CHARACTERS = 80  # of a symbol that is none
_WILDCARDS = {"*", ">"}

LastSeen = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Watching:
    """Carries out commands about symbols. A session's next command waits until the one before is over."""

    epoch: str
    upstream: Upstream
    topics: TopicTable
    channels: Sequence[Channel]
    loop: FanOutLoop
    relief: Relief
    admission: Admission
    symbols_per_connection: int

    async def subscribe(self, session: Session, name: str, symbols: Iterable[str], rate: float | None) -> None:
        """Send a snapshot of each symbol and updates from then on."""
        index = self._index(session, name)
        if index is None:
            return
        instruments, had = await self._watch(session, index, self._resolve(session, index, symbols), rate)
        session.answer(Subscribed(name, _names(instruments), self._rate(session, rate)))
        self._show(session, index, instruments, are_new=not had)
        self.relief.tell_if_any(session)

    def unsubscribe(self, session: Session, name: str, symbols: Iterable[str]) -> None:
        """Send no more of these."""
        index = self._index(session, name)
        if index is None:
            return
        instruments = self._resolve(session, index, symbols)
        dropped = np.intersect1d(self._topics(index, instruments), self._held(session))
        session.fan_out.subscriptions.remove(session.client, dropped)
        self.admission.unwatch(session.admitted, len(dropped))
        self._unwatch(dropped)
        session.answer(Unsubscribed(name, _names(instruments)))

    async def reconnect(
        self, session: Session, name: str, last_seen: LastSeen, epoch: str | None, rate: float | None
    ) -> None:
        """Subscribe, with snapshots only of what changed since the sequences, or times, last seen."""
        index = self._index(session, name)
        if index is None:
            return
        seen = self._seen(session, index, last_seen)
        sequences = {number: max(map(_sequence, values)) for number, (_, values) in seen.items()}
        instruments, _ = await self._watch(session, index, [each for each, _ in seen.values()], rate, sequences)
        is_same_epoch = epoch is None or epoch == self.epoch
        earliest = self.channels[index].earliest(_numbers(instruments)).tolist()
        gaps = [
            gap_of(self.channels[index], *seen[int(each.number)], is_same_epoch, since)
            for each, since in zip(instruments, earliest, strict=True)
        ]
        self._resume(session, index, gaps, self._rate(session, rate))
        self.relief.tell_if_any(session)

    async def snapshot(self, session: Session, name: str, symbols: Iterable[str]) -> None:
        """Send a snapshot of each symbol, watched or not, and nothing after it."""
        index = self._index(session, name)
        if index is None:
            return
        channel, instruments = self.channels[index], self._resolve(session, index, symbols)
        try:
            await channel.watch(instruments)
            self.loop.fold()
            self._show(session, index, instruments)
        except TooManySubscriptionsError as error:
            self._say_full(session, index, instruments, error)
        finally:
            channel.unwatch([int(each.number) for each in instruments])  # who polls finds it lingering next time

    def leave(self, session: Session) -> None:
        """Take a session off all that it watched."""
        self._unwatch(session.fan_out.leave(session.client))

    def _index(self, session: Session, name: str) -> int | None:
        for index, channel in enumerate(self.channels):
            if channel.name == name:
                return index
        there = ", ".join(each.name for each in self.channels)
        session.answer(Error("unknown_channel", f"there is no such channel; there are {there}", channel=name))
        return None

    def _resolve(self, session: Session, index: int, symbols: Iterable[str]) -> list[Instrument]:
        """Find instruments, each once; what is no symbol is answered with an error that repeats it."""
        found: dict[int, Instrument] = {}
        for symbol in symbols:
            try:
                instrument = self.upstream.resolve(symbol)
            except SymbolError as error:
                self._refuse(session, index, "invalid_symbol", str(error), symbol)
            except UnknownSymbolError as error:
                if symbol.rpartition(":")[2] in _WILDCARDS:
                    self._refuse(session, index, "wildcard", "there are no wildcards here: name each symbol", symbol)
                else:
                    self._refuse(session, index, "unknown_symbol", str(error), symbol)
            else:
                found[instrument.number] = instrument
        return list(found.values())

    def _seen(self, session: Session, index: int, last_seen: LastSeen) -> dict[int, tuple[Instrument, list[int | str]]]:
        """Find instruments and what was last seen of each, which has two names, and so two values, now and then."""
        seen: dict[int, tuple[Instrument, list[int | str]]] = {}
        for symbol, value in last_seen.items():
            for each in self._resolve(session, index, [symbol]):
                try:
                    self.channels[index].is_newer(int(each.number), value)
                except ValueError as error:
                    self._refuse(session, index, "invalid_time", f"last_seen: {error}", symbol)
                else:
                    seen.setdefault(int(each.number), (each, []))[1].append(value)
        return seen

    async def _watch(
        self,
        session: Session,
        index: int,
        instruments: list[Instrument],
        rate: float | None,
        last_seen: Mapping[int, int] = MappingProxyType({}),
    ) -> tuple[list[Instrument], list[Instrument]]:
        """Put a session on instruments; return those within its limits, and those of them that it had before.

        Their data are known then as far as they can be.
        """
        channel, held = self.channels[index], set(self._held(session).tolist())
        has = [topic in held for topic in self._topics(index, instruments).tolist()]
        added = [each for each, is_held in zip(instruments, has, strict=True) if not is_held]
        granted = self._granted(session, index, added, len(held))
        try:
            await channel.watch(granted)
            await channel.catch_up(last_seen)
        except BaseException as error:
            channel.unwatch([int(each.number) for each in granted])
            self.admission.unwatch(session.admitted, len(granted))
            if not isinstance(error, TooManySubscriptionsError):
                raise
            self._say_full(session, index, granted, error)
            granted = []
        self.loop.fold()
        every_ticks = 0 if rate is None else interval_ticks(rate)
        kept = [each for each, is_held in zip(instruments, has, strict=True) if is_held]
        if kept and rate is not None:
            session.fan_out.pace_topics(session.client, self._topics(index, kept), every_ticks)
        numbers = _numbers(granted)
        topics = self.topics.watch(index, numbers.tolist())
        self.topics.position[topics] = positions = channel.positions(numbers)
        self.relief.consider(topics)
        session.fan_out.subscribe(session.client, topics, positions, every_ticks)
        self.loop.poke()
        known = {each.number for each in (*kept, *granted)}
        return [each for each in instruments if each.number in known], kept

    def _granted(self, session: Session, index: int, added: list[Instrument], held: int) -> list[Instrument]:
        """Return those of `added` that this connection, and its user, may watch; refuse the others."""
        within = added[: max(0, self.symbols_per_connection - held)]
        for each in added[len(within) :]:
            limit = f"a connection watches at most {self.symbols_per_connection} symbols"
            self._refuse(session, index, "symbol_limit", limit, str(each.key))
        granted = within[: self.admission.watch(session.admitted, len(within))]
        for each in within[len(granted) :]:
            limit = f"a user watches at most {self.admission.symbols_per_user} symbols at one gateway process"
            self._refuse(session, index, "user_symbol_limit", limit, str(each.key))
        return granted

    def _resume(self, session: Session, index: int, gaps: list[Gap], rate: float) -> None:
        lost = [each.instrument for each in gaps if each.is_lost]
        changed = [each.instrument for each in gaps if each.is_changed and not each.is_lost]
        unchanged = [each.instrument for each in gaps if not each.is_changed and not each.is_lost]
        name = self.channels[index].name
        session.answer(Resumed(name, self.epoch, not lost, _names(changed), _names(unchanged), _names(lost), rate))
        sent = [each for each in gaps if each.is_changed and not each.is_lost] + [each for each in gaps if each.is_lost]
        since = np.array([each.since for each in sent], np.int64)
        self._send_snapshot(session, index, [each.instrument for each in sent], since)
        topics = self._topics(index, [each.instrument for each in gaps])
        has = np.maximum(self.topics.position[topics], np.array([each.floor for each in gaps], np.int64))
        session.fan_out.subscriptions.acknowledge(session.client, topics, has)
        session.fan_out.owe(session.client, topics[has > self.topics.position[topics]])

    def _show(self, session: Session, index: int, instruments: list[Instrument], *, are_new: bool = False) -> None:
        """Send a snapshot of each, of a log no less than what the client has not been sent; updates go on from it.

        Those that are new to a session, and watched since this turn of the event loop, go on from here anyway.
        """
        since = self.channels[index].snapshot_since(_numbers(instruments))
        if are_new:
            self._send_snapshot(session, index, instruments, since)
            return
        subscriptions, topics = session.fan_out.subscriptions, self._topics(index, instruments)
        self._send_snapshot(session, index, instruments, subscriptions.at_most(session.client, topics, since))
        subscriptions.acknowledge(session.client, topics, self.topics.position[topics])

    def _send_snapshot(self, session: Session, index: int, instruments: list[Instrument], since: Positions) -> None:
        channel, join = self.channels[index], session.wire.joiner("snapshot", self.channels[index].name)
        numbers = _numbers(instruments)
        topics = self.topics.of(index, numbers)
        others = topics == NO_TOPIC
        if others.any():
            mixed, watched = np.empty(len(instruments), object), ~others
            mixed[watched] = session.fan_out.snapshot(topics[watched], since[watched])
            full = np.full(np.count_nonzero(others), channel.full_mask, np.uint16)
            mixed[others] = channel.entries(session.wire, numbers[others], full, since[others]).split()
            entries = mixed.tolist()
        else:
            entries = session.fan_out.snapshot(topics, since)
        for at in range(0, len(entries), MAX_ENTRIES_PER_FRAME):
            session.outlet.put(join(entries[at : at + MAX_ENTRIES_PER_FRAME]))

    def _refuse(self, session: Session, index: int, code: str, message: str, symbol: str) -> None:
        session.answer(Error(code, message, symbol[:_SHOWN_CHARACTERS], self.channels[index].name))

    def _say_full(
        self, session: Session, index: int, instruments: Iterable[Instrument], error: TooManySubscriptionsError
    ) -> None:
        for each in instruments:
            self._refuse(session, index, "gateway_full", f"this gateway can watch no more: {error}", str(each.key))

    def _unwatch(self, topics: Topics) -> None:
        channels, numbers = self.topics.channel[topics], self.topics.number[topics]
        for index in np.unique(channels).tolist():
            self.channels[index].unwatch(numbers[channels == index].tolist())
        self.topics.unwatch(topics)

    def _topics(self, index: int, instruments: Sequence[Instrument]) -> Topics:
        return self.topics.of(index, _numbers(instruments))

    def _held(self, session: Session) -> Topics:
        subscriptions = session.fan_out.subscriptions
        topics: Topics = subscriptions.topic[subscriptions.rows(session.client)]
        return topics

    def _rate(self, session: Session, rate: float | None) -> float:
        """Say what a client gets: what it asked for, in whole ticks, and no more than its connection."""
        asked = 0 if rate is None else interval_ticks(rate)
        return rate_per_s(max(asked, session.interval_ticks))


def _numbers(instruments: Sequence[Instrument]) -> npt.NDArray[np.intp]:
    return np.array([each.number for each in instruments], np.intp)


def _sequence(last_seen: int | str) -> int:
    """Give a sequence that was last seen; of a time nothing is known."""
    return last_seen if isinstance(last_seen, int) else 0


def _names(instruments: Iterable[Instrument]) -> list[str]:
    return [str(each.key) for each in instruments]
