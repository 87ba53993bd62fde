"""Users who make rules, change them and send what was not answered again, while prices move."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from nats.errors import Error as NatsError

from market.alerts.commands import Action, Command, Create, Delete, Edit, IfTrue, Pause, Rearm, Resume
from market.alerts.rule import Condition, Reference, Repeat
from market.answer import Answer
from market.instrument import Instrument
from tests.alert_tape import HIGH, LOW, STEP, MarketClock
from tests.alert_worker import AlertClient, command

PATIENCE_S = 1.0  # of a user with an answer, before the command goes out again

Channels = Mapping[UUID, UUID | None]  # each user's, if any


@dataclass
class Told:
    """What users sent and were told; several answers to one command have to be the same."""

    sent: Counter[UUID] = field(default_factory=Counter)
    answers: dict[UUID, Answer] = field(default_factory=dict)
    changed: list[UUID] = field(default_factory=list)

    def note(self, number: UUID, answer: Answer) -> None:
        if self.answers.setdefault(number, answer) != answer:
            self.changed.append(number)


@dataclass
class Group:
    """Users who share a client: each command is of one of them; `owned` are the rules that they were told of."""

    client: AlertClient
    channels: Channels
    instruments: list[Instrument]
    clock: MarketClock
    told: Told
    dice: random.Random
    owned: list[tuple[UUID, UUID, Instrument]] = field(default_factory=list)  # user, rule, and what it is about

    async def act(self, commands: int) -> None:
        """Send so many commands, one after the other."""
        for _ in range(commands):
            user, instrument, action = self.next_action()
            asked = command(user, action, self.clock.now)
            answer = await self._insist(asked, instrument)
            if isinstance(action, Create) and answer.status == 201:
                self.owned.append((user, UUID(str(answer.body["id"])), instrument))
            if self.dice.random() < 0.1:  # impatient: once more, though it was answered
                with contextlib.suppress(NatsError, TimeoutError):
                    await self._send(asked, instrument, str(uuid4()))
            await asyncio.sleep(self.dice.choice((0.0, 0.0, 0.1, 0.5)))  # as people do; the faults take their time

    async def _insist(self, asked: Command, instrument: Instrument) -> Answer:
        """Send until it is answered; now and then as the stream would have it after it forgot the first time."""
        while True:
            message_id = str(uuid4()) if self.told.sent[asked.id] and self.dice.random() < 0.5 else ""
            with contextlib.suppress(NatsError, TimeoutError):
                return await self._send(asked, instrument, message_id)
            await asyncio.sleep(0.05)

    async def _send(self, asked: Command, instrument: Instrument, message_id: str) -> Answer:
        self.told.sent[asked.id] += 1
        answer = await self.client.ask(asked, instrument, PATIENCE_S, message_id)
        self.told.note(asked.id, answer)
        return answer

    def next_action(self) -> tuple[UUID, Instrument, Action]:
        """Think of something: who asks, about which instrument, for what."""
        dice = self.dice
        if not self.owned or dice.random() < 0.5:
            instrument = dice.choice(self.instruments)
            user = dice.choice(list(self.channels))
            return user, instrument, self._create(user, instrument)
        user, alert, instrument = dice.choice(self.owned[-20:])
        if dice.random() < 0.03:
            user = uuid4()
        return user, instrument, self._change(alert)

    def _create(self, user: UUID, instrument: Instrument) -> Create:
        dice, channel = self.dice, self.channels[user]
        condition = dice.choice(list(Condition))
        threshold = dice.choice((0.5, 1.0, 2.5, 5.0, 60.0)) if condition is Condition.CHANGE_PCT else self._line()
        return Create(
            str(instrument.key),
            int(instrument.number),
            condition,
            threshold,
            dice.choice(list(Reference)),
            dice.choice((*Repeat, Repeat.EVERY_CROSS)),
            dice.choice((0, 0, 0, 5, 60)),
            self._expiry(),
            channels=(channel,) if channel is not None and dice.random() < 0.8 else (),
            if_true=dice.choice((*IfTrue, IfTrue.WAIT)),
        )

    def _change(self, alert: UUID) -> Action:
        dice = self.dice
        repeat, cooldown_s, if_true = dice.choice(list(Repeat)), dice.choice((None, 3)), dice.choice(list(IfTrue))
        changes = (
            *[Edit(alert, dice.choice((self._line(), 2.0)), if_true=if_true)] * 3,
            Edit(alert, dice.choice((None, self._line())), repeat, cooldown_s),
            Edit(alert, expires_at=self._expiry(), note="dearer", if_true=if_true),
            *[Pause(alert), Resume(alert), Rearm(alert, if_true)] * 2,
            Delete(alert),
        )
        return dice.choice(changes)

    def _line(self) -> float:
        return self.dice.randrange(int(LOW / STEP), int(HIGH / STEP)) * STEP

    def _expiry(self) -> datetime | None:
        return self.clock.now + timedelta(seconds=self.dice.randrange(1, 300)) if self.dice.random() < 0.2 else None


def groups(
    client: AlertClient,
    channels: Channels,
    instruments: list[Instrument],
    clock: MarketClock,
    told: Told,
    seed: int,
    count: int,
) -> list[Group]:
    """Share users out among so many groups."""
    users = list(channels)
    return [
        Group(
            client,
            {user: channels[user] for user in users[number::count]},
            instruments,
            clock,
            told,
            random.Random(seed * count + number),
        )
        for number in range(count)
    ]
