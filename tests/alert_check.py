"""What is in the tables of alerts, and whether it follows from the tape and the commands."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from market.alerts.commands import Command, Create, Delete
from market.instrument import Instrument
from mesh.alerts.codec import decode_command
from mesh.commands import UnreadableError
from mesh.streams import ALERTS, FIRED
from tests.alert_oracle import Firing, Oracle
from tests.alert_worker import AlertClient, command, partition_of
from tests.candle_worker import Partition, read_partition

ZONES = {"XNYS": ZoneInfo("America/New_York"), "COIN": ZoneInfo("UTC"), "XTKS": ZoneInfo("Asia/Tokyo")}
PER_HOUR = 10
_TABLES = ("alerts", "alert_firings", "alert_commands", "alert_progress", "notifications")
_US = 1000

Row = Mapping[str, Any]
Tables = dict[str, list[Row]]


@dataclass
class Findings:
    """How many firings there should be; what is wrong with those that there are, and with all that follows them."""

    expected: int = 0
    missed: list[Firing] = field(default_factory=list)
    surplus: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ticks: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def is_right(self) -> bool:
        return not (self.missed or self.surplus or self.wrong)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.outcomes.items()))
        return (
            f"{self.ticks:,} ticks, {self.expected:,} firings ({kinds}): missed {len(self.missed)}, "
            f"duplicate or false {len(self.surplus)}, wrong otherwise {len(self.wrong)}"
        )


async def read_tables(dsn: str) -> Tables:
    """Read everything at one moment."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {name: await connection.fetch(f"SELECT * FROM {name}") for name in _TABLES}  # noqa: S608  # ours
    finally:
        await connection.close()


async def until_evaluated(
    dsn: str, client: AlertClient, instruments: Sequence[Instrument], last: Mapping[int, int], within_s: float = 60.0
) -> None:
    """Wait until every partition has taken the tape up to its last message.

    A partition in which nothing fires writes that down with the next command alone, so each is sent one that changes
    nothing, again and again.
    """
    about = {partition_of(each, len(last)): each for each in instruments}
    async with asyncio.timeout(within_s):
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, NatsError, TimeoutError):
                for partition in last:
                    await client.ask(command(uuid4(), Delete(uuid4())), about[partition], 10.0)
                tables = await read_tables(dsn)
                if {row["partition"]: row["tape_sequence"] for row in tables["alert_progress"]} == last:
                    return
            await asyncio.sleep(0.1)


async def tables_when_sent(dsn: str, js: JetStreamContext, within_s: float = 60.0) -> Tables:
    """Wait until what fired is on FIRED and every notification is sent; read what it came to."""
    async with asyncio.timeout(within_s):
        while True:
            tables = await read_tables(dsn)
            is_sent = all(row["state"] == "sent" for row in tables["notifications"])
            if is_sent and not _untold(tables["alert_firings"], await read_fired(js)):
                return tables
            await asyncio.sleep(0.2)


async def read_tape(js: JetStreamContext, partitions: int) -> list[Partition]:
    """Read every partition of the tape."""
    return [await read_partition(js, number, is_whole=False) for number in range(partitions)]


async def read_commands(js: JetStreamContext) -> dict[UUID, tuple[int, Command]]:
    """Read ALERTS: every command with its first sequence."""
    read: dict[UUID, tuple[int, Command]] = {}
    for sequence, data in await _read(js, ALERTS, "alerts.*"):
        with contextlib.suppress(UnreadableError):
            asked = decode_command(data)
            read.setdefault(asked.id, (sequence, asked))
    return read


async def read_fired(js: JetStreamContext) -> Counter[UUID]:
    """Read FIRED: how often each firing is on it."""
    return Counter(UUID(str(msgspec.msgpack.decode(data)["id"])) for _, data in await _read(js, FIRED, "alert.fired.>"))


async def _read(js: JetStreamContext, stream: str, subject: str) -> list[tuple[int, bytes]]:
    everything = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
    reader = await js.pull_subscribe(subject, stream=stream, config=everything)
    read: list[tuple[int, bytes]] = []
    try:
        count = (await reader.consumer_info()).num_pending or 0
        while len(read) < count:
            messages = await reader.fetch(min(256, count - len(read)), timeout=10)
            read += [(each.metadata.sequence.stream, each.data) for each in messages]
    finally:
        await reader.unsubscribe()
    return read


async def compare(
    js: JetStreamContext, tables: Tables, instruments: Sequence[Instrument], tape: Sequence[Partition]
) -> Findings:
    """Take the recorded tape and the commands again, slowly; name what the tables and FIRED have otherwise."""
    zones = {int(each.number): ZONES[each.key.venue] for each in instruments}
    commands, found = await read_commands(js), Findings()
    oracles = [_oracle(part, tables, zones, commands, number, found) for number, part in enumerate(tape)]
    expected = {each.id: each for oracle in oracles for each in oracle.firings}
    recorded = {row["id"]: row for row in tables["alert_firings"]}
    found.expected, found.ticks = len(expected), sum(oracle.ticks for oracle in oracles)
    found.outcomes = Counter(row["outcome"] for row in recorded.values())
    found.missed = [expected[each] for each in expected.keys() - recorded.keys()]
    found.surplus = [recorded[each] for each in recorded.keys() - expected.keys()]
    for each in expected.keys() & recorded.keys():
        _compare_firing(expected[each], recorded[each], found)
    for oracle in oracles:
        _compare_rules(oracle, tables, found)
    _compare_limits(recorded.values(), found)
    _compare_fired(recorded, await read_fired(js), found)
    _compare_notifications(recorded, tables, commands, found)
    return found


def _oracle(
    tape: Partition,
    tables: Tables,
    zones: Mapping[int, ZoneInfo],
    commands: Mapping[UUID, tuple[int, Command]],
    partition: int,
    found: Findings,
) -> Oracle:
    oracle, decided_to = Oracle(zones), 0
    messages = iter([*tape, None])
    message = next(messages)
    own = [row for row in tables["alert_commands"] if row["partition"] == partition]
    for row in sorted(own, key=lambda row: row["sequence"]):
        if row["tape_sequence"] < decided_to:
            found.wrong.append(f"command {row['id']} was decided at {row['tape_sequence']}, one before at {decided_to}")
        decided_to = row["tape_sequence"]
        while message is not None and message[0] <= decided_to:
            oracle.tape(*message)
            message = next(messages)
        sequence, asked = commands[row["id"]]
        oracle.command(asked, decided_to)
        if (sequence, oracle.statuses[asked.id]) != (row["sequence"], row["status"]):
            found.wrong.append(f"{asked}: {sequence}, {oracle.statuses[asked.id]}, recorded as {dict(row)}")
    while message is not None:
        oracle.tape(*message)
        message = next(messages)
    return oracle


def _compare_firing(expected: Firing, row: Row, found: Findings) -> None:
    fired_us = round(row["fired_at"].timestamp() * 1e6)
    recorded = row["alert_id"], row["price"], fired_us, row["side"], row["outcome"] == "cooldown"
    wanted = expected.alert, expected.price, expected.fired_ns // _US, expected.side, expected.is_cooldown
    if recorded != wanted:
        found.wrong.append(f"firing {expected.id}: {recorded} instead of {wanted}")


def _compare_rules(oracle: Oracle, tables: Tables, found: Findings) -> None:
    rows = {row["id"]: row for row in tables["alerts"]}
    for alert in oracle.alerts.values():
        row = rows[alert.id]
        is_awake = row["state"] == "dormant" and oracle.markets[alert.instrument].day > row["fired_day"]
        state = "armed" if is_awake else row["state"]
        recorded = state, row["waiting_side"] if state == "waiting" else 0, row["fired_count"], row["threshold"]
        wanted = alert.state, alert.side if alert.state == "waiting" else 0, alert.fired, alert.threshold
        if recorded != wanted:
            found.wrong.append(f"rule {alert.id}: {recorded} instead of {wanted}")


def _compare_limits(rows: Iterable[Row], found: Findings) -> None:
    """At most ten an hour are sent to each user, and no fewer: no test takes an hour."""
    outcomes: dict[UUID, Counter[str]] = defaultdict(Counter)
    for row in rows:
        outcomes[row["user_id"]][row["outcome"]] += 1
    for user, counts in outcomes.items():
        if counts["sent"] != min(PER_HOUR, counts["sent"] + counts["limit"]):
            found.wrong.append(f"user {user}: {dict(counts)}")


def _compare_fired(recorded: Mapping[UUID, Row], fired: Counter[UUID], found: Findings) -> None:
    found.wrong += [f"firing {number} is not on FIRED" for number in _untold(recorded.values(), fired)]
    told = {number for number, row in recorded.items() if row["outcome"] != "cooldown"}
    found.wrong += [f"firing {number} is on FIRED and is told nowhere" for number in fired.keys() - told]
    found.wrong += [f"firing {number} is on FIRED {count} times" for number, count in fired.items() if count > 1]


def _untold(firings: Iterable[Row], fired: Counter[UUID]) -> set[UUID]:
    """Give what is missing on FIRED: what was sent, and the last that each user's limit kept back in a partition.

    Those of one transaction stand for each other.
    """
    missing, kept_back = set[UUID](), defaultdict[tuple[UUID, int], list[Row]](list)
    for row in firings:
        if row["outcome"] == "sent" and row["id"] not in fired:
            missing.add(row["id"])
        elif row["outcome"] == "limit":
            kept_back[row["user_id"], row["partition"]].append(row)
    for some in kept_back.values():
        newest = max(row["revision"] for row in some)
        last = {row["id"] for row in some if row["revision"] == newest}
        if last.isdisjoint(fired):
            missing |= last
    return missing


def _compare_notifications(
    recorded: Mapping[UUID, Row], tables: Tables, commands: Mapping[UUID, tuple[int, Command]], found: Findings
) -> None:
    creates = [asked for _, asked in commands.values() if isinstance(asked.action, Create)]
    channels = {uuid5(asked.id, "alert"): asked.action.channels for asked in creates}
    wanted = {
        uuid5(row["id"], str(channel))
        for row in recorded.values()
        if row["outcome"] == "sent"
        for channel in channels[row["alert_id"]]
    }
    present = {row["id"] for row in tables["notifications"]}
    found.wrong += [f"notification {number} was never made" for number in wanted - present]
    found.wrong += [f"notification {number} is of no firing" for number in present - wanted]
