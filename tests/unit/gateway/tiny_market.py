"""A market small enough to see through: channels held in memory, one fan-out, and clients that hold what they get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.live.channels.channel import Change, Channel, Numbers, Positions
from gateway.live.channels.encoded import Encoded, encoded
from gateway.live.fan_out import FanOut
from gateway.live.topics import Masks, Topics, TopicTable
from gateway.live.wire import JSON, Wire
from market.instrument import Instrument

Entry = dict[str, Any]
Message = dict[str, Any]
FIELDS = ("a", "b", "c")
ALL = (1 << len(FIELDS)) - 1


def masks(*bits: int) -> Masks:
    return np.array(bits, np.uint16)


def longs(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def places(*values: int) -> npt.NDArray[np.intp]:
    return np.array(values, np.intp)


class TinyChannel:
    """Instruments of three fields each; an entry tells of the fields asked for."""

    full_mask = ALL
    is_log = False

    def __init__(self, name: str = "tiny", *, is_dropped_first: bool = False) -> None:
        self.name = name
        self.is_dropped_first = is_dropped_first
        self.on_changed: Callable[[], None] = lambda: None
        self.values: dict[int, dict[str, int]] = {}
        self.sequence: dict[int, int] = {}
        self.encoded: list[tuple[int, int]] = []
        """Every entry ever made: number and mask."""
        self.watched: list[int] = []
        self._dirty: dict[int, int] = {}

    def change(self, number: int, **fields: int) -> None:
        """Set fields of an instrument; without any its sequence alone rises."""
        self.values[number] = self.values.get(number, dict.fromkeys(FIELDS, 0)) | fields
        self.sequence[number] = self.sequence.get(number, 0) + 1
        self._dirty[number] = self._dirty.get(number, 0) | sum(1 << FIELDS.index(name) for name in fields)
        self.on_changed()

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        self.watched += [int(each.number) for each in instruments]

    async def catch_up(self, last_seen: Mapping[int, int]) -> None:
        pass

    def unwatch(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.watched.remove(number)

    def sweep(self, now_s: float) -> None:
        pass

    async def refresh(self) -> None:
        pass

    def take_changes(self) -> Change | None:
        if not self._dirty:
            return None
        numbers, changed = places(*self._dirty), masks(*self._dirty.values())
        self._dirty.clear()
        return Change(numbers, changed, self.positions(numbers))

    def positions(self, numbers: Numbers) -> Positions:
        return longs(*(self.sequence.get(number, 0) for number in numbers.tolist()))

    def is_newer(self, number: int, last_seen: int | str) -> bool:
        return self.sequence.get(number, 0) > int(last_seen)

    def is_covered(self, number: int, last_seen: int | str) -> bool:
        return int(last_seen) <= self.sequence.get(number, 0)

    def snapshot_since(self, numbers: Numbers) -> Positions:
        return np.zeros(len(numbers), np.int64)

    def earliest(self, numbers: Numbers) -> Positions:
        return np.zeros(len(numbers), np.int64)

    def resume_since(self, number: int, last_seen: int | str) -> int:
        return int(last_seen) if self.is_log else 0

    def entries(self, wire: Wire, numbers: Numbers, masks: Masks, since: Positions) -> Encoded:
        self.encoded += zip(numbers.tolist(), masks.tolist(), strict=True)
        each = zip(numbers.tolist(), masks.tolist(), since.tolist(), strict=True)
        return encoded([wire.encode(self._entry(*wanted)) for wanted in each])

    def _entry(self, number: int, mask: int, since: int) -> Entry:
        values = self.values.get(number, dict.fromkeys(FIELDS, 0))
        wanted = {name: values[name] for bit, name in enumerate(FIELDS) if mask >> bit & 1}
        return {"s": str(number), "q": self.sequence.get(number, 0), **wanted}


class TinyLog(TinyChannel):
    """Instruments that count: an entry holds every count since a position, of the last `HELD`."""

    full_mask = 1
    is_log = True
    HELD = 20

    def change(self, number: int, **_: int) -> None:
        """Let an instrument count on by one."""
        super().change(number)
        self._dirty[number] = 1

    def _entry(self, number: int, mask: int, since: int) -> Entry:
        end = self.sequence.get(number, 0)
        start = max(since, end - self.HELD)
        return {"s": str(number), "q": end, "missed": start - since, "items": list(range(start, end))}


class Reader:
    """A client that fails on any step out of order; `held` is what it knows, by channel and symbol."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.reads = True
        self.frames: list[Message] = []
        self.sizes: list[int] = []
        self.held: dict[str, dict[str, Entry]] = {}
        self.watched: dict[tuple[int, int], int] = {}
        """Topics, by channel's and instrument's number."""
        self.client = 0
        self.fan_out: FanOut

    def send(self, frame: bytes) -> bool:
        """Take an update frame; False while it does not read."""
        if not self.reads:
            return False
        message: Message = (msgspec.json if self.wire.is_text else msgspec.msgpack).decode(frame)
        assert message.pop("type") == "update"
        self.frames.append(message)
        self.sizes.append(len(frame))
        for channel, entries in message.items():
            names = [entry["s"] for entry in entries]
            assert len(set(names)) == len(names) > 0, "a symbol stands twice in a frame, or none at all"
            for entry in entries:
                self._merge(self.held[channel], entry)
        return True

    def entries(self, channel: str = "tiny") -> list[list[Entry]]:
        """Give the entries of each frame that had any of a channel."""
        return [frame[channel] for frame in self.frames if channel in frame]

    def _merge(self, held: dict[str, Entry], entry: Entry) -> None:
        before = held[entry["s"]]
        assert entry["q"] > before["q"], f"{entry} goes back behind {before}"
        if "items" in entry:
            assert len(entry["items"]) + entry["missed"] == entry["q"] - before["q"], (
                f"{entry} does not follow {before}"
            )
            entry = entry | {"items": before["items"] + entry["items"]}
        held[entry["s"]] = before | entry


class TinyMarket:
    """Tiny channels, the topics of those watched, and a fan-out for each encoding."""

    def __init__(self, *channels: TinyChannel, wires: Sequence[Wire] = (JSON,)) -> None:
        self.tiny: Sequence[TinyChannel] = channels or (TinyChannel(),)
        self.channels: Sequence[Channel] = self.tiny
        self.topics = TopicTable(len(self.channels))
        self.written: list[int] = []
        self.fan_outs = [FanOut(wire, self.topics, self.channels, self._note) for wire in wires]
        self.fan_out = self.fan_outs[0]

    def change(self, number: int, channel: int = 0, **fields: int) -> None:
        """Change an instrument."""
        self.tiny[channel].change(number, **fields)

    def join(self, interval_ticks: int = 5, fan_out: FanOut | None = None) -> Reader:
        """Let a client in."""
        fan_out = fan_out or self.fan_out
        reader = Reader(fan_out.wire)
        reader.fan_out, reader.client = fan_out, fan_out.join(reader.send, interval_ticks)
        return reader

    def watching(
        self, *numbers: int, interval_ticks: int = 5, channel: int = 0, fan_out: FanOut | None = None
    ) -> Reader:
        """Let a client in that watches instruments of one channel."""
        reader = self.join(interval_ticks, fan_out)
        self.subscribe(reader, *numbers, channel=channel)
        return reader

    def subscribe(self, reader: Reader, *numbers: int, channel: int = 0, every_ticks: int = 0) -> None:
        """Show a client instruments new to it, and let it have what changes from then on."""
        self.fold()
        wanted = places(*numbers)
        topics = self.topics.watch(channel, list(numbers))
        self.topics.position[topics] = positions = self.channels[channel].positions(wanted)
        reader.fan_out.subscribe(reader.client, topics, positions, every_ticks)
        reader.watched |= {(channel, number): topic for number, topic in zip(numbers, topics.tolist(), strict=True)}
        held = reader.held.setdefault(self.channels[channel].name, {})
        since = positions if self.channels[channel].is_log else np.zeros(len(numbers), np.int64)
        for data in reader.fan_out.snapshot(topics, since):
            entry = (msgspec.json if reader.wire.is_text else msgspec.msgpack).decode(data)
            held[entry["s"]] = entry

    def unsubscribe(self, reader: Reader, *numbers: int, channel: int = 0) -> None:
        """Take a client off instruments."""
        topics = places(*(reader.watched.pop((channel, number)) for number in numbers))
        reader.fan_out.subscriptions.remove(reader.client, topics)
        self.topics.unwatch(topics)
        for number in numbers:
            del reader.held[self.channels[channel].name][str(number)]

    def leave(self, reader: Reader) -> None:
        """Let a client go."""
        self.topics.unwatch(reader.fan_out.leave(reader.client))
        reader.watched.clear()

    def fold(self) -> None:
        """Take over what changed."""
        for index, channel in enumerate(self.channels):
            change = channel.take_changes()
            if change is not None:
                self.topics.touch(self.topics.of(index, change.numbers), change.masks, change.positions)

    def mark(self) -> None:
        """Note what changed in every subscription, and send nothing yet."""
        self.fold()
        fresh = self.topics.take_fresh()
        if fresh is not None:
            for fan_out in self.fan_outs:
                fan_out.subscriptions.mark(fresh)

    def serve(self, tick: int, at_least_ticks: int = 1) -> None:
        """Serve everybody who is due at a tick."""
        self.mark()
        for fan_out in self.fan_outs:
            fan_out.begin_round()
            while fan_out.serve(tick, at_least_ticks):
                pass

    def known(self, reader: Reader) -> dict[str, dict[str, Entry]]:
        """Give what a client must hold once it has been sent everything; of logs without the counts themselves."""
        known: dict[str, dict[str, Entry]] = {channel.name: {} for channel in self.tiny}
        for index, number in reader.watched:
            channel = self.tiny[index]
            known[channel.name][str(number)] = channel._entry(
                number, channel.full_mask, channel.sequence.get(number, 0)
            )
        return known

    def _note(self, topics: Topics) -> None:
        self.written += topics.tolist()


def ticks_of_frames(market: TinyMarket, reader: Reader, until_tick: int, **changes: int) -> list[int]:
    """Change instrument 1 at every tick; return the ticks at which a client was sent something."""
    came = []
    for tick in range(until_tick):
        market.change(1, **(changes or {"a": tick + 1}))
        before = len(reader.frames)
        market.serve(tick)
        came += [tick] * (len(reader.frames) - before)
    return came


def symbols(frame: list[dict[str, object]]) -> list[object]:
    return [entry["s"] for entry in frame]
