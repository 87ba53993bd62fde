"""Whatever is lost and begun again, rules fire as the oracle has it: index, decisions, and a table that stays."""

from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.alerts.commands import Create
from market.instrument import Instrument, InstrumentId, Listing
from market.row_type import Rows, take
from market.symbols import SymbolKey
from tests.alert_memory import Memory, Message
from tests.alert_oracle import Oracle
from tests.alert_tape import MarketClock, TickMaker, time_of
from tests.alert_users import Group, Told
from tests.alert_worker import command

ZONES = {1: ZoneInfo("America/New_York"), 2: ZoneInfo("UTC"), 3: ZoneInfo("Asia/Tokyo")}
INSTRUMENTS = [Instrument(InstrumentId(each), Listing(SymbolKey("XNAS", f"S{each}"), "")) for each in ZONES]
USERS = {UUID(int=each): UUID(int=each + 100) for each in range(1, 5)}


def messages_of(events: Rows, dice: Random) -> list[Message]:
    """Divide rows into messages of a few, whose sequences rise by one or more."""
    messages, at, sequence = [], 0, 0
    while at < len(events):
        size, sequence = dice.randrange(1, 6), sequence + dice.randrange(1, 3)
        messages.append((sequence, take(events, slice(at, at + size))))
        at += size
    return messages


@settings(max_examples=60)
@example(seed=0)
@given(st.integers(0, 2**32))
def test_whatever_is_lost_rules_fire_as_the_oracle_has_it(seed: int) -> None:
    dice, clock = Random(seed), MarketClock()
    oracle, memory = Oracle(ZONES), Memory(ZONES, dice)
    users = Group(None, USERS, INSTRUMENTS, clock, Told(), dice)  # type: ignore[arg-type]  # nobody is asked anything
    waiting = messages_of(TickMaker(seed, list(ZONES)).make(240), dice)
    while waiting:
        count = dice.randrange(1, 4)
        messages, waiting = waiting[:count], waiting[count:]
        for message in messages:
            oracle.tape(*message)
        memory.take(messages)
        sequence, events = messages[-1]
        clock.now = time_of(events[-1])
        for _ in range(dice.choice((0, 0, 1, 3))):
            user, _, action = users.next_action()
            asked = command(user, action, clock.now)
            oracle.command(asked, sequence)
            memory.command(asked)
            assert memory.tables.statuses[asked.id] == oracle.statuses[asked.id], asked
            if isinstance(action, Create) and oracle.statuses[asked.id] == 201:
                users.owned.append((user, next(reversed(oracle.alerts)), INSTRUMENTS[0]))
        if dice.random() < 0.05:
            memory.crash()
    fired = [(each.id, each.price, each.side, each.outcome == "cooldown") for each in memory.tables.firings]
    assert sorted(fired) == sorted((each.id, each.price, each.side, each.is_cooldown) for each in oracle.firings)
    states = {each.id: str(each.state) for each in memory.tables.alerts.values() if each.state != "deleted"}
    for alert in oracle.alerts.values():
        is_awake = states[alert.id] == "dormant" and alert.state == "armed"
        assert is_awake or states[alert.id] == alert.state
