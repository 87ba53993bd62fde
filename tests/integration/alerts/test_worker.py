"""A worker as a process: commands make rules, ticks touch them, and all who are to be told are, once."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4, uuid5

import asyncpg
import msgspec

from market import rows, subjects
from market.alerts.answers import firing_body
from market.alerts.commands import Create, Delete, Edit, Pause, Rearm, Resume
from market.alerts.rule import Condition, Reference, Repeat
from market.instrument import Instrument
from mesh.alerts.store import AlertStore, Cursor
from mesh.notify.codec import Order, decode
from mesh.streams import NOTIFY
from tests.alert_worker import AlertClient, add_webhooks, command, partition_of
from tests.integration.alerts.conftest import MAX_PER_USER, NOON, PARTITIONS, VENUE, Stack, Tape

WITHIN_S = 30.0


def create(instrument: Instrument, threshold: float = 100.0, **more: object) -> Create:
    return Create(str(instrument.key), int(instrument.number), Condition.ABOVE, threshold, **more)


async def made(
    client: AlertClient, user: UUID, instrument: Instrument, threshold: float = 100.0, **more: object
) -> UUID:
    answer = await client.ask(command(user, create(instrument, threshold, **more)), instrument, WITHIN_S)
    assert answer.status == 201, answer
    return UUID(str(answer.body["id"]))


async def evaluated(stack: Stack, instrument: Instrument, sequence: int) -> None:
    """Wait until it is written down that rules have seen a message of the tape; what comes of it is there by then."""
    question = "SELECT tape_sequence >= $2 FROM alert_progress WHERE partition = $1"
    connection = await asyncpg.connect(stack.dsn, ssl=False)
    try:
        async with asyncio.timeout(WITHIN_S):
            while not await connection.fetchval(question, partition_of(instrument, PARTITIONS), sequence):  # noqa: ASYNC110  # tables do not tell
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def test_a_tick_behind_a_rule_fires_it_and_all_are_told(
    stack: Stack, tape: Tape, client: AlertClient, store: AlertStore
) -> None:
    user, instrument = uuid4(), next(stack.instruments)
    channels = await add_webhooks(stack.dsn, [user], "http://127.0.0.1:1/")
    await tape.write(instrument, 99.0)
    told = await client.js.subscribe(subjects.alerts_fired(user), ordered_consumer=True)
    notified = await client.js.pull_subscribe(subjects.notify("webhook"), "test", stream=NOTIFY)
    alert = await made(client, user, instrument, channels=(channels[user],), note="up")
    sequence = await tape.write(instrument, 99.5, 101.0, 102.0)
    message = msgspec.msgpack.decode((await told.next_msg(timeout=WITHIN_S)).data)
    (firing,) = await store.history(user, 10)
    assert message == {**firing_body(firing), "user": str(user)}
    assert (firing.alert_id, firing.price, firing.side, firing.note) == (alert, 101.0, 1, "up")
    assert (firing.tape_sequence, firing.row, firing.outcome) == (sequence, 1, "sent")
    assert firing.id == uuid5(alert, f"{sequence}:1")
    (order,) = await notified.fetch(1, timeout=WITHIN_S)
    assert decode(order.data, Order).id == uuid5(firing.id, str(channels[user]))
    assert decode(order.data, Order).user == user
    (kept,) = await store.alerts_of(user, 5, state="fired")
    assert (kept.id, kept.fired_count, kept.last_fired_at) == (alert, 1, firing.fired_at)


async def test_a_rule_is_changed_by_commands_in_their_order(
    stack: Stack, tape: Tape, client: AlertClient, store: AlertStore
) -> None:
    user, instrument = uuid4(), next(stack.instruments)
    await tape.write(instrument, 99.0)
    alert = await made(client, user, instrument, repeat=Repeat.EVERY_CROSS)

    async def told(action: object) -> tuple[int, object]:
        answer = await client.ask(command(user, action), instrument, WITHIN_S)
        return answer.status, answer.body.get("state", answer.body.get("code"))

    async def ticked(*prices: float) -> None:
        await evaluated(stack, instrument, await tape.write(instrument, *prices))

    assert await told(Pause(alert)) == (200, "paused")
    await ticked(101.0)
    assert await told(Rearm(alert)) == (409, "already_true")
    assert await told(Resume(alert)) == (200, "waiting")
    await ticked(99.0, 101.0, 99.0)
    assert await told(Edit(alert, threshold=105.0, note="higher")) == (200, "armed")
    await ticked(104.0, 106.0)
    assert await told(Delete(alert)) == (204, None)
    await ticked(90.0, 110.0)
    firings = await store.history(user, 100)
    assert [(each.price, each.threshold, each.note) for each in firings] == [
        (106.0, 105.0, "higher"),
        (101.0, 100.0, ""),
    ]
    assert await store.alert(alert, user) is None
    assert await store.place(alert, user) == partition_of(instrument, PARTITIONS)
    assert await told(Pause(alert)) == (404, "unknown_alert")


async def test_another_users_alert_is_none(stack: Stack, client: AlertClient, store: AlertStore) -> None:
    instrument, other = next(stack.instruments), uuid4()
    alert = await made(client, uuid4(), instrument)
    answer = await client.ask(command(other, Delete(alert)), instrument, WITHIN_S)
    assert (answer.status, answer.body["code"]) == (404, "unknown_alert")
    assert await store.alert(alert, other) is None


async def test_a_command_that_comes_again_is_answered_as_the_first_time(
    stack: Stack, client: AlertClient, store: AlertStore
) -> None:
    instrument = next(stack.instruments)
    elsewhere = next(
        each for each in stack.instruments if partition_of(each, PARTITIONS) != partition_of(instrument, PARTITIONS)
    )
    asked = command(uuid4(), create(instrument))
    first = await client.ask(asked, instrument, WITHIN_S)
    assert await client.ask(asked, instrument, WITHIN_S, "again") == first
    assert (
        await store.answer_to(asked.id, asked.user, asked.digest) == await store.command(asked.id, asked.user) == first
    )
    other = replace(asked, action=create(elsewhere), digest=bytes(32))
    refused = await client.ask(other, elsewhere, WITHIN_S, "elsewhere")
    assert (refused.status, refused.body["code"]) == (422, "idempotency_mismatch")
    assert await store.answer_to(other.id, other.user, other.digest) == refused
    assert len(await store.alerts_of(asked.user, 5)) == 1


async def test_what_was_kept_for_long_enough_is_gone(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        async with asyncio.timeout(WITHIN_S):
            for old in ("alerts WHERE symbol = 'XNYS:OLD'", "notifications WHERE kind = 'email'"):
                while await connection.fetchval(f"SELECT count(*) FROM {old}"):  # noqa: ASYNC110, S608  # another process
                    await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def test_limits_hold_over_all_partitions(
    stack: Stack, tape: Tape, client: AlertClient, store: AlertStore
) -> None:
    user, some = uuid4(), [next(stack.instruments) for _ in range(4)]
    told = await client.js.subscribe(subjects.alerts_fired(user), ordered_consumer=True)
    assert len({partition_of(each, PARTITIONS) for each in some}) == PARTITIONS
    for place in range(MAX_PER_USER):
        await made(client, user, some[place % len(some)], 100.0 + place)
    refused = await client.ask(command(user, create(some[0])), some[0], WITHIN_S)
    assert (refused.status, refused.body["code"], refused.body["maximum"]) == (409, "too_many_alerts", MAX_PER_USER)
    for each in some:
        await evaluated(stack, each, await tape.write(each, 200.0))
    firings = await store.history(user, 100)
    outcomes = [str(each.outcome) for each in firings]
    assert (outcomes.count("sent"), outcomes.count("limit")) == (10, MAX_PER_USER - 10)
    heard: dict[UUID, str] = {}
    while list(heard.values()).count("sent") < 10 or "limit" not in heard.values():
        message = msgspec.msgpack.decode((await told.next_msg(timeout=WITHIN_S)).data)
        heard[UUID(message["id"])] = message["outcome"]
    assert heard.items() <= {each.id: str(each.outcome) for each in firings}.items()
    unseen, total = await store.unseen(user, 3)
    assert (len(unseen), total) == (3, MAX_PER_USER)
    first = await store.history(user, 10)
    at = Cursor(first[-1].recorded_at, first[-1].id)
    assert [*first, *await store.history(user, 10, at)] == firings
    await store.mark_seen(user, [each.id for each in unseen])
    assert (await store.unseen(user, 3))[1] == MAX_PER_USER - 3
    await store.mark_seen(user)
    assert await store.unseen(user, 3) == ([], 0)
    await made(client, user, some[0], 300.0)


async def test_what_the_tape_does_not_tell_is_asked_of_the_feed(stack: Stack, client: AlertClient) -> None:
    user, instrument, silent = uuid4(), next(stack.instruments), next(stack.instruments)

    async def answered(message: object) -> None:
        state = rows.STATE.blank(1)
        state["instrument"], state["last"], state["prev_close"] = int(instrument.number), 250.0, 240.0
        state["ts_event"] = int(NOON.timestamp()) * 10**9
        await message.respond(state.tobytes())

    await client.js._nc.subscribe(subjects.snapshots(VENUE), cb=answered)
    move = replace(create(instrument, 10.0), condition=Condition.CHANGE_PCT, reference=Reference.CREATED)
    answer = await client.ask(command(user, move), instrument, WITHIN_S)
    assert (answer.status, answer.body["reference_price"]) == (201, 250.0)
    unknown = replace(move, symbol=str(silent.key), instrument=int(silent.number))
    refused = await client.ask(command(user, unknown), silent, WITHIN_S)
    assert (refused.status, refused.body["code"]) == (409, "no_price")
