"""Whatever happens in whatever order: each client ends with what the market is, and never takes a step back.

`Reader` itself fails on a sequence that does not rise, a symbol twice in a frame, and a log that does not follow on.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.live import fan_out as module
from gateway.live import subscriptions
from gateway.live.wire import JSON, MSGPACK
from tests.unit.gateway.tiny_market import FIELDS, Entry, Reader, TinyChannel, TinyLog, TinyMarket, places

NUMBERS, CLIENTS = 5, 3
NUMBER = st.integers(0, NUMBERS - 1)
SOME = st.lists(NUMBER, unique=True, min_size=1, max_size=5)
CHANNEL = st.integers(0, 2)
AT = st.integers(0, CLIENTS - 1)
LONG = 100_000  # ticks: longer than the slowest interval


class AnyInterleaving(RuleBasedStateMachine):
    """Each client is there twice, in JSON and in msgpack, and everything is done to both."""

    @initialize()
    def begin(self) -> None:
        self.kept = (subscriptions.SLICE_ROWS, module.MAX_ENTRIES_PER_FRAME)
        subscriptions.SLICE_ROWS, module.MAX_ENTRIES_PER_FRAME = 16, 3
        self.market = TinyMarket(TinyChannel("one"), TinyLog("log"), TinyChannel("two"), wires=(JSON, MSGPACK))
        self.tick = 0
        self.values = 0
        self.pairs: list[tuple[Reader, ...]] = [self.newcomers(5) for _ in range(CLIENTS)]
        for at in range(CLIENTS):
            self.subscribe(at, at, list(range(NUMBERS)), 0)

    def teardown(self) -> None:
        if hasattr(self, "pairs"):
            self.everything_is_written()
            subscriptions.SLICE_ROWS, module.MAX_ENTRIES_PER_FRAME = self.kept

    def newcomers(self, interval_ticks: int) -> tuple[Reader, ...]:
        return tuple(self.market.join(interval_ticks, each) for each in self.market.fan_outs)

    @rule(at=AT, channel=CHANNEL, numbers=SOME, every_ticks=st.sampled_from([0, 0, 0, 12]))
    def subscribe(self, at: int, channel: int, numbers: list[int], every_ticks: int) -> None:
        for reader in self.pairs[at]:
            new = [number for number in numbers if (channel, number) not in reader.watched]
            new = new[: subscriptions.SLICE_ROWS - len(reader.watched)]
            if new:
                self.market.subscribe(reader, *new, channel=channel, every_ticks=every_ticks)

    @rule(at=AT, channel=CHANNEL, numbers=SOME)
    def unsubscribe(self, at: int, channel: int, numbers: list[int]) -> None:
        for reader in self.pairs[at]:
            held = [number for number in numbers if (channel, number) in reader.watched]
            if held:
                self.market.unsubscribe(reader, *held, channel=channel)

    @rule(channel=CHANNEL, numbers=SOME, name=st.sampled_from(FIELDS))
    def change(self, channel: int, numbers: list[int], name: str) -> None:
        for number in numbers:
            self.values += 1
            self.market.change(number, channel, **{name: self.values})

    @rule(channel=CHANNEL, numbers=SOME, names=st.sets(st.sampled_from(FIELDS), min_size=1))
    def change_and_serve(self, channel: int, numbers: list[int], names: set[str]) -> None:
        for name in sorted(names):
            self.change(channel, numbers, name)
        self.serve(5, 1)

    @rule(at=AT, interval_ticks=st.integers(1, 20))
    def pace(self, at: int, interval_ticks: int) -> None:
        for reader in self.pairs[at]:
            reader.fan_out.pace(reader.client, interval_ticks)

    @rule(at=AT, every_ticks=st.sampled_from([0, 3, 30]))
    def pace_topics(self, at: int, every_ticks: int) -> None:
        for reader in self.pairs[at]:
            some = [topic for place, topic in enumerate(reader.watched.values()) if place % 2]
            reader.fan_out.pace_topics(reader.client, places(*some), every_ticks)

    @rule(at=AT, reads=st.booleans())
    def stop_or_go_on_reading(self, at: int, reads: bool) -> None:
        for reader in self.pairs[at]:
            reader.reads = reads

    @rule(at=AT, interval_ticks=st.integers(1, 20))
    def leave_and_come(self, at: int, interval_ticks: int) -> None:
        for reader in self.pairs[at]:
            self.market.leave(reader)
        self.pairs[at] = self.newcomers(interval_ticks)

    @rule(passed_ticks=st.integers(0, 25), at_least_ticks=st.sampled_from([1, 1, 7]))
    def serve(self, passed_ticks: int, at_least_ticks: int) -> None:
        self.tick += passed_ticks
        self.market.serve(self.tick, at_least_ticks)

    @rule(start=st.integers(0, 40), length=st.integers(0, 40))
    def owe_full(self, start: int, length: int) -> None:
        for fan_out in self.market.fan_outs:
            fan_out.owe_full(slice(start, start + length))

    @rule(channel=CHANNEL)
    def suspend(self, channel: int) -> None:
        topics = self.market.topics
        topics.suspended |= (topics.channel == channel) & (topics.watchers > 0)
        for fan_out in self.market.fan_outs:
            fan_out.suspend()

    @rule()
    @precondition(lambda self: self.market.topics.suspended.any())
    def resume(self) -> None:
        topics = self.market.topics
        before, topics.suspended = topics.suspended, topics.suspended & False
        for fan_out in self.market.fan_outs:
            fan_out.resume(before)

    @rule()
    def everything_is_written(self) -> None:
        self.resume()
        for pair in self.pairs:
            for reader in pair:
                reader.reads = True
        self.tick += LONG
        self.market.serve(self.tick)
        for text, packed in self.pairs:
            assert held(text) == held(packed) == known(self.market, text)
        assert not any(each.has_pending() for each in self.market.fan_outs)

    @invariant()
    def every_frame_is_small_and_counted(self) -> None:
        for pair in self.pairs:
            for reader in pair:
                assert all(sum(map(len, frame.values())) <= module.MAX_ENTRIES_PER_FRAME for frame in reader.frames)


def held(reader: Reader) -> dict[str, dict[str, Entry]]:
    """Give what a client holds, of logs only how far it is: it may have missed some, which it was told."""
    return {name: {symbol: told(entry) for symbol, entry in each.items()} for name, each in reader.held.items() if each}


def known(market: TinyMarket, reader: Reader) -> dict[str, dict[str, Entry]]:
    """Give what it must hold."""
    everything = market.known(reader)
    return {name: {symbol: told(entry) for symbol, entry in each.items()} for name, each in everything.items() if each}


def told(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name not in {"items", "missed"}}


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=80, stateful_step_count=50)
