"""A worker as a process: a command makes a rule, a tick touches it, and all who are to be told are, once."""

from datetime import UTC, datetime
from uuid import uuid4, uuid5

import msgspec
import numpy as np

from market import subjects
from market.alerts.answers import firing_body
from market.alerts.commands import Create
from market.alerts.rule import Condition
from market.instrument import Instrument
from market.row_type import Rows
from market.rows import EVENT_DTYPE, TRADE
from mesh.alerts.store import AlertStore
from mesh.notify.codec import Order, decode
from mesh.streams import NOTIFY
from tests.alert_worker import AlertClient, add_webhooks, command
from tests.candle_tape import TapeWriter
from tests.integration.alerts.conftest import Stack

WITHIN_S = 20.0
NOON_NS = int(datetime(2026, 3, 5, 17, tzinfo=UTC).timestamp()) * 10**9


class Ticks:
    """Trades of one instrument after the other, each with the next sequence."""

    def __init__(self) -> None:
        self._sequence = 1 << 32

    def of(self, instrument: Instrument, *prices: float) -> Rows:
        made = TRADE.blank(len(prices))
        made["instrument"], made["price"], made["size"] = int(instrument.number), prices, 1.0
        made["sequence"] = self._sequence + np.arange(len(prices))
        made["ts_event"] = made["ts_recv"] = (
            NOON_NS + np.arange(len(prices)) * 10**6 + (self._sequence - (1 << 32)) * 10**6
        )
        self._sequence += len(prices)
        return made.view(EVENT_DTYPE)


def create(instrument: Instrument, threshold: float, **more: object) -> Create:
    return Create(str(instrument.key), int(instrument.number), Condition.ABOVE, threshold, **more)


async def test_a_tick_behind_a_rule_fires_it_and_all_are_told(
    stack: Stack, tape: TapeWriter, client: AlertClient, store: AlertStore
) -> None:
    await stack.worker.start()
    user, instrument, ticks = uuid4(), tape.instruments[0], Ticks()
    channels = await add_webhooks(stack.dsn, [user], "http://127.0.0.1:1/")
    await tape.write(ticks.of(instrument, 99.0), 0.0)
    asked = command(user, create(instrument, 100.0, channels=(channels[user],), note="up"))
    answer = await client.ask(asked, int(instrument.number))
    assert (answer.status, answer.body["state"], answer.body["already_true"]) == (201, "armed", False)
    fired = await client.js.subscribe(subjects.alerts_fired(user))
    notified = await client.js.subscribe(subjects.notify("webhook"), stream=NOTIFY)
    await tape.write(ticks.of(instrument, 99.5, 101.0, 102.0), 0.0)
    told = msgspec.msgpack.decode((await fired.next_msg(timeout=WITHIN_S)).data)
    (firing,) = await store.history(user, 10)
    assert told == {**firing_body(firing), "user": str(user)}
    assert (firing.price, firing.side, firing.row, firing.outcome, firing.note) == (101.0, 1, 1, "sent", "up")
    assert firing.id == uuid5(firing.alert_id, f"{firing.tape_sequence}:1")
    order = decode((await notified.next_msg(timeout=WITHIN_S)).data, Order)
    assert (order.id, order.user) == (uuid5(firing.id, str(channels[user])), user)
    assert (await store.unseen(user, 5)) == ([firing], 1)
    (alert,) = await store.alerts_of(user, 5, state="fired")
    assert (alert.id, alert.fired_count, alert.last_fired_at) == (firing.alert_id, 1, firing.fired_at)
