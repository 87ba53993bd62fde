"""Streams, consumers and buckets, declared once as data and brought about idempotently.

`ensure` creates what is missing, applies what changed, and refuses what the server cannot change (storage, retention)
with an error that names the field: data is never dropped to make a declaration true.
"""

from collections.abc import Sequence
from enum import Enum

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    KeyValueConfig,
    ObjectStoreConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BadRequestError, BucketNotFoundError, NotFoundError, ServerError

from mesh.settings import MeshSettings
from mesh.specs import ConsumerSpec, KeyValueSpec, ObjectsSpec, Spec, StreamSpec

TAPE = "TAPE"
INSTRUMENTS = "INSTRUMENTS"
FEEDS = "FEEDS"
CHECKPOINTS = "CHECKPOINTS"
CANDLES = "CANDLES"
REJECTS = "REJECTS"
LEDGER = "LEDGER"
ALERTS = "ALERTS"
FIRED = "FIRED"
NOTIFY = "NOTIFY"
DEAD = "DEAD"
LEASES = "LEASES"
MEMBERS = "MEMBERS"
CALENDARS = "CALENDARS"

# What a server refuses to change on a stream that exists.
_FIXED_FIELDS = ("storage", "retention")
_CHANGING_FIELDS = ("subjects", "max_bytes", "max_age", "discard", "num_replicas", "duplicate_window", "description")
_DEDUPLICATION_S = 120.0
_REJECTS_MAX_BYTES = 256 << 20
_RESULTS_MAX_AGE_S = 72 * 3600.0
_FIRED_MAX_BYTES = 1 << 30
_NOTIFY_MAX_BYTES = 1 << 30
_DEAD_MAX_BYTES = 256 << 20
_DEAD_MAX_AGE_S = 30 * 24 * 3600.0
MEMBER_TTL_S = 10.0


class DeclarationError(Exception):
    """A declaration contradicts what is on the server in a way that cannot be applied without losing data."""


def declared(settings: MeshSettings) -> tuple[Spec, ...]:
    """Everything that Tickmesh keeps on NATS, streams before their consumers."""
    return (
        StreamSpec(
            TAPE,
            ("tape.*",),
            settings.tape_max_bytes,
            settings.tape_max_age_hours * 3600,
            settings.replicas,
            "every normalised event, in order per partition",
        ),
        KeyValueSpec(INSTRUMENTS, settings.replicas, 4096, "the instrument directory: name -> number and listing"),
        KeyValueSpec(FEEDS, settings.replicas, 4096, "epochs of feeds, the next free instrument number"),
        StreamSpec(
            CANDLES,
            ("candles.*",),
            settings.candles_max_bytes,
            _RESULTS_MAX_AGE_S,
            settings.replicas,
            "every closed or amended candle, in order per partition",
        ),
        StreamSpec(
            REJECTS,
            ("late.*", "quarantine.*"),
            _REJECTS_MAX_BYTES,
            _RESULTS_MAX_AGE_S,
            settings.replicas,
            "event rows that are in no candle, and why",
        ),
        StreamSpec(
            LEDGER,
            ("ledger.*",),
            settings.ledger_max_bytes,
            0.0,
            settings.replicas,
            "every command to a portfolio, in order per partition, for good",
            is_kept=True,
        ),
        StreamSpec(
            ALERTS,
            ("alerts.*",),
            settings.alerts_max_bytes,
            0.0,
            settings.replicas,
            "every command to an alert, in order per partition, for good",
            is_kept=True,
        ),
        StreamSpec(
            FIRED,
            ("alert.fired.>",),
            _FIRED_MAX_BYTES,
            _RESULTS_MAX_AGE_S,
            settings.replicas,
            "alerts that fired",
            takes_batches=True,
        ),
        StreamSpec(
            NOTIFY,
            ("notify.*",),
            _NOTIFY_MAX_BYTES,
            0.0,
            settings.replicas,
            "notifications that are to be delivered, by kind of channel",
            is_work_queue=True,
            takes_batches=True,
        ),
        StreamSpec(
            DEAD,
            ("dlq.>",),
            _DEAD_MAX_BYTES,
            _DEAD_MAX_AGE_S,
            settings.replicas,
            "what could not be delivered, and why",
        ),
        KeyValueSpec(LEASES, settings.replicas, 4096, "who works on which partition, under which fence"),
        KeyValueSpec(MEMBERS, settings.replicas, 256, "the workers that are there", MEMBER_TTL_S),
        KeyValueSpec(CALENDARS, settings.replicas, 256 << 10, "the sessions of venues"),
        ObjectsSpec(CHECKPOINTS, settings.replicas, "states with the tape sequences they include"),
    )


async def ensure(js: JetStreamContext, specs: Sequence[Spec]) -> None:
    """Bring the server to what `specs` declare; raises DeclarationError. Running it again changes nothing."""
    for spec in specs:
        try:
            await _ensure_one(js, spec)
        except (BadRequestError, NotFoundError, ServerError) as error:
            raise DeclarationError(f"{spec.name}: the server refuses it: {error.description}") from error


async def _ensure_one(js: JetStreamContext, spec: Spec) -> None:
    match spec:
        case StreamSpec():
            await _ensure_stream(js, spec)
        case ConsumerSpec():
            await _ensure_consumer(js, spec)
        case KeyValueSpec():
            await _ensure_key_value(js, spec)
        case ObjectsSpec():
            await _ensure_objects(js, spec)


async def _ensure_stream(js: JetStreamContext, spec: StreamSpec) -> None:
    wanted = StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects),
        storage=StorageType.FILE,
        retention=RetentionPolicy.WORK_QUEUE if spec.is_work_queue else RetentionPolicy.LIMITS,
        max_bytes=spec.max_bytes,
        max_age=spec.max_age_s,
        discard=DiscardPolicy.NEW if spec.is_kept or spec.is_work_queue else DiscardPolicy.OLD,
        num_replicas=spec.replicas,
        duplicate_window=min(_DEDUPLICATION_S, spec.max_age_s or _DEDUPLICATION_S),
        allow_direct=True,
        allow_batched=spec.takes_batches or None,  # a word that nats-server knows from 2.14 on
        description=spec.description,
    )
    try:
        present = (await js.stream_info(spec.name)).config
    except NotFoundError:
        await js.add_stream(wanted)
        return
    for field in _FIXED_FIELDS:
        if getattr(present, field) != getattr(wanted, field):
            raise DeclarationError(
                f"stream {spec.name}: {field} is {getattr(present, field)} and cannot become "
                f"{getattr(wanted, field).value}; move its data to a new stream first"
            )
    is_changed = any(getattr(present, field) != getattr(wanted, field) for field in _CHANGING_FIELDS)
    if is_changed or bool(present.allow_batched) != spec.takes_batches:  # unsaid where it does not
        await js.update_stream(wanted)


async def _ensure_consumer(js: JetStreamContext, spec: ConsumerSpec) -> None:
    wanted = ConsumerConfig(
        durable_name=spec.name,
        description=spec.description,
        filter_subject=spec.filter_subject,
        ack_policy=AckPolicy.ALL if spec.ack_all else AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE if spec.start_sequence else DeliverPolicy.ALL,
        opt_start_seq=spec.start_sequence or None,
        ack_wait=spec.ack_wait_s,
        max_ack_pending=spec.max_ack_pending,
        inactive_threshold=spec.inactive_s or None,
        mem_storage=spec.in_memory or None,
    )
    try:
        present = (await js.consumer_info(spec.stream, spec.name)).config
    except NotFoundError:
        present = wanted
    for field in ("ack_policy", "deliver_policy", "opt_start_seq"):
        if getattr(present, field) != getattr(wanted, field):
            is_, wants = (getattr(each, field) for each in (present, wanted))
            wants = wants.value if isinstance(wants, Enum) else wants
            raise DeclarationError(f"consumer {spec.stream}/{spec.name}: {field} is {is_} and cannot become {wants}")
    await js.add_consumer(spec.stream, wanted)  # creates, or updates what may change


async def _ensure_key_value(js: JetStreamContext, spec: KeyValueSpec) -> None:
    try:
        present = await (await js.key_value(spec.name)).status()
    except BucketNotFoundError:
        await js.create_key_value(
            KeyValueConfig(
                bucket=spec.name,
                description=spec.description,
                history=1,
                max_value_size=spec.max_value_bytes,
                ttl=spec.ttl_s or None,
                storage=StorageType.FILE,
                replicas=spec.replicas,
                direct=True,
            )
        )
        return
    config = present.stream_info.config
    if config.storage != StorageType.FILE:
        raise DeclarationError(f"bucket {spec.name}: storage is {config.storage} and cannot become file")
    wanted = {"num_replicas": spec.replicas, "max_msg_size": spec.max_value_bytes, "max_age": spec.ttl_s}
    if any((getattr(config, field) or 0) != value for field, value in wanted.items()):
        window_s = min(_DEDUPLICATION_S, spec.ttl_s or _DEDUPLICATION_S)  # a server refuses one beyond the age
        await js.update_stream(config.evolve(**wanted, duplicate_window=window_s))


async def _ensure_objects(js: JetStreamContext, spec: ObjectsSpec) -> None:
    try:
        present = await (await js.object_store(spec.name)).status()
    except BucketNotFoundError:
        await js.create_object_store(
            spec.name,
            ObjectStoreConfig(description=spec.description, storage=StorageType.FILE, replicas=spec.replicas),
        )
        return
    config = present.stream_info.config
    if config.num_replicas != spec.replicas:
        await js.update_stream(config.evolve(num_replicas=spec.replicas))
