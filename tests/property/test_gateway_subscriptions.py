"""The subscription table against one plain dict per client."""

from dataclasses import dataclass

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.live import subscriptions as module
from gateway.live.subscriptions import NOBODY, Subscriptions
from gateway.live.topics import NO_TOPIC
from tests.unit.gateway.tiny_market import masks, places

CLIENTS, TOPICS, SLICE_ROWS = 5, 30, 32
CLIENT = st.integers(1, CLIENTS)
SOME = st.lists(st.integers(1, TOPICS), unique=True, max_size=12)
BITS = st.integers(0, 0b111)


@dataclass
class Row:
    """What one subscription is."""

    pending: int = 0
    owed: int = 0
    sent: int = 0
    every_ticks: int = 0


class SubscriptionsAgainstDicts(RuleBasedStateMachine):
    """Every step is done to both, and both must agree after it."""

    @initialize()
    def begin(self) -> None:
        self.whole_slice = module.SLICE_ROWS
        module.SLICE_ROWS = SLICE_ROWS
        self.table = Subscriptions()
        self.model: dict[int, dict[int, Row]] = {client: {} for client in range(1, CLIENTS + 1)}

    def teardown(self) -> None:
        module.SLICE_ROWS = getattr(self, "whole_slice", module.SLICE_ROWS)

    @rule(client=CLIENT, wanted=SOME, position=st.integers(0, 9), every_ticks=st.sampled_from([0, 0, 7]))
    def add(self, client: int, wanted: list[int], position: int, every_ticks: int) -> None:
        room = SLICE_ROWS - len(self.model[client])
        new = [topic for topic in wanted if topic not in self.model[client]][:room]
        self.table.add(client, places(*new), np.full(len(new), position, np.int64), every_ticks)
        self.model[client] |= {topic: Row(sent=position, every_ticks=every_ticks) for topic in new}

    @rule(client=CLIENT, wanted=SOME)
    def remove(self, client: int, wanted: list[int]) -> None:
        held = [topic for topic in wanted if topic in self.model[client]]
        self.table.remove(client, places(*held))
        for topic in held:
            del self.model[client][topic]

    @rule(client=CLIENT)
    def leave(self, client: int) -> None:
        assert self.table.leave(client).tolist() == list(self.model[client])
        self.model[client] = {}

    @rule(changed=st.dictionaries(st.integers(1, TOPICS), BITS, max_size=10))
    def mark(self, changed: dict[int, int]) -> None:
        fresh = np.zeros(TOPICS + 1, np.uint16)
        for topic, bits in changed.items():
            fresh[topic] = bits
        self.table.mark(fresh)
        for held in self.model.values():
            for topic, bits in changed.items():
                if topic in held:
                    held[topic].pending |= bits

    @rule(client=CLIENT, wanted=SOME, position=st.integers(0, 9))
    def acknowledge(self, client: int, wanted: list[int], position: int) -> None:
        self.table.acknowledge(client, places(*wanted), np.array(wanted, np.int64) + position)
        for topic in wanted:
            if topic in self.model[client]:
                row = self.model[client][topic]
                row.pending, row.owed, row.sent = 0, 0, topic + position

    @rule(client=CLIENT, wanted=SOME, bits=BITS)
    def owe(self, client: int, wanted: list[int], bits: int) -> None:
        self.table.owe(client, places(*wanted), masks(*[bits] * len(wanted)))
        for topic in wanted:
            if topic in self.model[client]:
                self.model[client][topic].owed = bits

    @rule(client=CLIENT, wanted=SOME, every_ticks=st.integers(0, 9))
    def pace(self, client: int, wanted: list[int], every_ticks: int) -> None:
        self.table.pace(client, places(*wanted), every_ticks)
        for topic in wanted:
            if topic in self.model[client]:
                self.model[client][topic].every_ticks = every_ticks

    @rule(client=CLIENT, wanted=SOME, position=st.integers(0, 40))
    def at_most(self, client: int, wanted: list[int], position: int) -> None:
        found = self.table.at_most(client, places(*wanted), np.full(len(wanted), position, np.int64)).tolist()
        held = self.model[client]
        assert found == [min(held[topic].sent, position) if topic in held else position for topic in wanted]

    @invariant()
    def they_agree(self) -> None:
        table = self.table
        for client, held in self.model.items():
            rows = table.rows(client)
            assert table.topic[rows].tolist() == list(held), "in the order in which they came"
            assert (table.client[rows] == client).all()
            columns = (table.pending, table.owed, table.sent, table.every_ticks)
            found = [Row(*values) for values in zip(*(column[rows].tolist() for column in columns), strict=True)]
            assert found == list(held.values())
            assert len(set((rows // SLICE_ROWS).tolist())) <= 1, "a block crosses the bound of a slice"
        assert len(table) == sum(map(len, self.model.values()))
        used = slice(0, table.used)
        free = table.client[used] == NOBODY
        assert np.count_nonzero(~free) == len(table)
        assert (table.topic[used][free] == NO_TOPIC).all()
        assert not (table.pending[used] | table.owed[used])[free].any()
        assert [at for each in table.slices() for at in range(each.start, each.stop)] == list(range(table.used))


TestSubscriptionsAgainstDicts = SubscriptionsAgainstDicts.TestCase
TestSubscriptionsAgainstDicts.settings = settings(max_examples=60, stateful_step_count=40)
