"""Commands and messages that nobody's gateway or feed would send: each is refused, and holds up nothing behind it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from market import subjects
from market.alerts.commands import Command, Create, Edit, Pause
from market.alerts.rule import Condition
from market.instrument import Instrument
from mesh.alerts.codec import encode_command
from mesh.alerts.store import AlertStore
from tests.alert_worker import AlertClient, command, partition_of
from tests.integration.alerts.conftest import PARTITIONS, Stack, Tape

WITHIN_S = 30.0


def create(instrument: Instrument, **more: object) -> Create:
    return Create(str(instrument.key), int(instrument.number), Condition.ABOVE, 100.0, **more)


POISON: dict[str, Callable[[Instrument], Command]] = {
    "a threshold that is no number": lambda its: command(uuid4(), replace(create(its), threshold=float("nan"))),
    "a cooldown beyond integers": lambda its: command(uuid4(), create(its, cooldown_s=1 << 40)),
    "an instrument of no directory": lambda its: command(uuid4(), replace(create(its), instrument=(1 << 31) - 1)),
    "an instrument of another partition": lambda its: command(
        uuid4(), replace(create(its), instrument=_elsewhere(its))
    ),
    "a note with NUL": lambda its: command(uuid4(), create(its, note="a\0b")),
    "an expiry in year 9999": lambda its: command(uuid4(), create(its, expires_at=datetime(9999, 12, 31, tzinfo=UTC))),
    "received in year 1": lambda its: command(
        uuid4(), create(its, expires_at=datetime(2027, 1, 1, tzinfo=UTC)), datetime(1, 1, 1, tzinfo=UTC)
    ),
    "received in year 9999": lambda its: command(
        uuid4(), create(its, expires_at=datetime(2027, 1, 1, tzinfo=UTC)), datetime(9999, 12, 31, tzinfo=UTC)
    ),
    "channels of nobody": lambda its: command(uuid4(), create(its, channels=(UUID(int=1),))),
    "an alert of nobody": lambda its: command(uuid4(), Edit(UUID(int=1), note="x")),
    "too much of a name": lambda its: command(uuid4(), replace(create(its), symbol="X" * 5000)),
}


def _elsewhere(instrument: Instrument) -> int:
    own = partition_of(instrument, PARTITIONS)
    return next(number for number in range(100) if subjects.partitions_of(number, PARTITIONS) != own)


@pytest.fixture(scope="module")
def instrument(stack: Stack) -> Instrument:
    return next(stack.instruments)


@pytest.mark.parametrize("what", POISON)
async def test_no_command_holds_up_the_next(
    what: str, instrument: Instrument, client: AlertClient, store: AlertStore
) -> None:
    poison = POISON[what](instrument)
    sound = command(uuid4(), create(instrument))
    told, answer = await asyncio.gather(
        client.ask(poison, instrument, WITHIN_S), client.ask(sound, instrument, WITHIN_S)
    )
    assert told.status >= 400
    assert answer.status == 201
    assert await store.command(poison.id, poison.user) == told
    assert await client.ask(poison, instrument, WITHIN_S, str(uuid4())) == told


async def test_bytes_that_are_no_command_are_passed_over(
    stack: Stack, instrument: Instrument, client: AlertClient
) -> None:
    subject = subjects.alerts(partition_of(instrument, PARTITIONS))
    whole = encode_command(command(uuid4(), Pause(uuid4())))
    envelope = msgspec.msgpack.decode(whole)
    envelope[3] = "sell"
    for data in (b"", b"?", whole[:-1], msgspec.msgpack.encode(envelope)):
        await client.js.publish(subject, data)
    answer = await client.ask(command(uuid4(), create(instrument)), instrument, WITHIN_S)
    assert answer.status == 201


async def test_what_the_tables_do_not_take_is_refused_alone(
    stack: Stack, instrument: Instrument, client: AlertClient
) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute("ALTER TABLE alerts ADD CONSTRAINT taste CHECK (note <> 'bitter')")
        asked = [command(uuid4(), create(instrument, note=note)) for note in ("sweet", "bitter", "sour")]
        answers = await asyncio.gather(*(client.ask(each, instrument, WITHIN_S) for each in asked))
    finally:
        await connection.execute("ALTER TABLE alerts DROP CONSTRAINT taste")
        await connection.close()
    assert [each.status for each in answers] == [201, 500, 201]
    assert answers[1].body["code"] == "unwritable_command"


async def test_a_message_of_the_tape_that_is_no_rows_is_passed_over(
    stack: Stack, tape: Tape, client: AlertClient, store: AlertStore
) -> None:
    user, its = uuid4(), next(stack.instruments)
    await client.ask(command(user, create(its)), its, WITHIN_S)
    await client.js.publish(subjects.tape(partition_of(its, PARTITIONS)), b"no rows")
    told = await client.js.subscribe(subjects.alerts_fired(user), ordered_consumer=True)
    await tape.write(its, 101.0)
    await told.next_msg(timeout=WITHIN_S)
