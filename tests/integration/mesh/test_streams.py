"""Declarations on a real JetStream: created once, changed when they change, refused when they cannot."""

from dataclasses import replace

import pytest
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError, ServiceUnavailableError

from mesh.settings import MeshSettings
from mesh.specs import ConsumerSpec, KeyValueSpec, ObjectsSpec, StreamSpec
from mesh.streams import CHECKPOINTS, FEEDS, INSTRUMENTS, TAPE, DeclarationError, declared, ensure

SETTINGS = MeshSettings(nats_url="unused")
PILE = StreamSpec("PILE", ("pile.*",), 1 << 20, 3600.0, 1, "a pile")
READER = ConsumerSpec("PILE", "reader", "pile.a", 5.0, 10, "a reader")
STREAMS = (TAPE, f"KV_{INSTRUMENTS}", f"KV_{FEEDS}", f"OBJ_{CHECKPOINTS}")


async def described(js: JetStreamContext) -> dict[str, tuple[object, ...]]:
    """What every stream is, its birth included: one made anew would show."""
    infos = {name: await js.stream_info(name) for name in STREAMS}
    return {name: (info.config.as_dict(), info.created, info.state.messages) for name, info in infos.items()}


async def test_everything_declared_is_there(js: JetStreamContext) -> None:
    config = (await js.stream_info(TAPE)).config
    assert config.subjects == ["tape.*"]
    assert config.storage == StorageType.FILE
    assert (config.max_bytes, config.max_age, config.duplicate_window) == (4 << 30, 72 * 3600, 120)
    for bucket in (INSTRUMENTS, FEEDS):
        status = await (await js.key_value(bucket)).status()
        assert status.stream_info.config.max_msg_size == 4096
        assert status.history == 1
    assert await js.object_store(CHECKPOINTS)


async def test_ensuring_again_changes_nothing(js: JetStreamContext) -> None:
    await (await js.key_value(FEEDS)).put("epoch", b"7")
    before = await described(js)
    for _ in range(2):
        await ensure(js, declared(SETTINGS))
    assert await described(js) == before


async def test_a_changed_declaration_is_applied_and_data_stays(js: JetStreamContext) -> None:
    await (await js.key_value(FEEDS)).put("epoch", b"7")
    await js.publish("tape.1", b"x")
    changed = [
        replace(spec, max_bytes=1 << 30, max_age_s=60.0, description="another", subjects=("tape.*", "more.*"))
        if spec.name == TAPE
        else replace(spec, max_value_bytes=8192)
        if isinstance(spec, KeyValueSpec)
        else spec
        for spec in declared(SETTINGS)
    ]
    await ensure(js, changed)
    tape = await js.stream_info(TAPE)
    config = tape.config
    assert (config.max_bytes, config.max_age, config.duplicate_window) == (1 << 30, 60, 60)
    assert (config.description, config.subjects) == ("another", ["tape.*", "more.*"])
    assert tape.state.messages == 1
    feeds = await js.key_value(FEEDS)
    assert (await feeds.status()).stream_info.config.max_msg_size == 8192
    assert (await feeds.get("epoch")).value == b"7"


async def test_a_work_queue_forgets_what_is_acknowledged_and_nothing_else(js: JetStreamContext) -> None:
    queue = StreamSpec("QUEUE", ("queue.*",), 1000, 0.0, 1, "a queue", is_work_queue=True)
    for _ in range(2):
        await ensure(js, [queue])
    await js.publish("queue.a", b"x" * 600)
    with pytest.raises(ServiceUnavailableError):
        await js.publish("queue.a", b"x" * 600)
    reader = await js.pull_subscribe("queue.a", "reader", stream="QUEUE")
    (message,) = await reader.fetch(1, timeout=5)
    await message.ack_sync()
    assert (await js.stream_info("QUEUE")).state.messages == 0
    with pytest.raises(DeclarationError, match="retention"):
        await ensure(js, [replace(queue, is_work_queue=False)])


async def test_a_full_stream_that_is_kept_refuses_instead_of_forgetting(js: JetStreamContext) -> None:
    await ensure(js, [replace(PILE, max_age_s=0.0, max_bytes=1000)])
    assert (await js.stream_info("PILE")).config.discard == DiscardPolicy.OLD
    await ensure(js, [replace(PILE, max_age_s=0.0, max_bytes=1000, is_kept=True)])
    await js.publish("pile.a", bytes(600))
    with pytest.raises(ServiceUnavailableError, match="maximum bytes exceeded"):
        await js.publish("pile.a", bytes(600))
    info = await js.stream_info("PILE")
    assert (info.config.discard, info.config.max_age, info.config.duplicate_window) == (DiscardPolicy.NEW, 0, 120)
    assert (info.state.first_seq, info.state.messages) == (1, 1)


@pytest.mark.parametrize(
    ("field", "made", "message"),
    [
        ("storage", {"storage": "memory"}, "storage is memory and cannot become file"),
        ("retention", {"retention": "workqueue"}, "retention is workqueue and cannot become limits"),
    ],
)
async def test_what_a_server_cannot_change_is_refused_by_its_field(
    js: JetStreamContext, field: str, made: dict[str, str], message: str
) -> None:
    await js.add_stream(StreamConfig(name="PILE", subjects=["pile.*"], **made))
    await js.publish("pile.a", b"kept")
    with pytest.raises(DeclarationError, match=f"stream PILE: {message}"):
        await ensure(js, [PILE])
    info = await js.stream_info("PILE")
    assert getattr(info.config, field) == made[field]
    assert info.state.messages == 1


async def test_a_bucket_in_memory_cannot_become_one_on_disk(js: JetStreamContext) -> None:
    await js.create_key_value(bucket="SMALL", storage=StorageType.MEMORY)
    with pytest.raises(DeclarationError, match="bucket SMALL: storage is memory and cannot become file"):
        await ensure(js, [KeyValueSpec("SMALL", 1, 100, "small")])


@pytest.mark.parametrize(
    "spec",
    [PILE, KeyValueSpec("SMALL", 1, 100, "small"), ObjectsSpec("THINGS", 1, "things")],
    ids=lambda spec: spec.name,
)
async def test_more_replicas_than_there_are_servers_are_refused_by_the_server_with_its_reason(
    js: JetStreamContext, spec: StreamSpec | KeyValueSpec | ObjectsSpec
) -> None:
    too_many = replace(spec, replicas=3)
    for _ in range(2):  # when it is made, and when it is changed
        with pytest.raises(DeclarationError, match=rf"^{spec.name}: the server refuses it: .*replicas > 1"):
            await ensure(js, [too_many])
        await ensure(js, [spec])


async def test_a_subject_that_another_stream_has_is_refused(js: JetStreamContext) -> None:
    with pytest.raises(DeclarationError, match=r"PILE: the server refuses it: .*overlap"):
        await ensure(js, [replace(PILE, subjects=("tape.1",))])


async def test_a_consumer_is_made_changed_and_kept(js: JetStreamContext) -> None:
    await ensure(js, [PILE, READER])
    for text in (b"1", b"2"):
        await js.publish("pile.a", text)
    reader = await js.pull_subscribe_bind(READER.name, READER.stream)
    (first,) = await reader.fetch(1, timeout=5)
    await first.ack_sync()
    await ensure(js, [PILE, replace(READER, ack_wait_s=7.0, max_ack_pending=20)])
    info = await js.consumer_info("PILE", "reader")
    assert (info.config.ack_wait, info.config.max_ack_pending) == (7.0, 20)
    assert info.ack_floor.stream_seq == 1
    (second,) = await reader.fetch(1, timeout=5)
    assert second.data == b"2"


async def test_a_consumer_that_would_have_to_forget_is_refused(js: JetStreamContext) -> None:
    await ensure(js, [PILE])
    await js.add_consumer("PILE", ConsumerConfig(durable_name="reader", deliver_policy="new", ack_policy="explicit"))
    with pytest.raises(DeclarationError, match="consumer PILE/reader: deliver_policy is new and cannot become all"):
        await ensure(js, [READER])


async def test_a_consumer_of_a_stream_that_is_not_there_is_refused(js: JetStreamContext) -> None:
    with pytest.raises(DeclarationError, match="reader: the server refuses it: stream not found"):
        await ensure(js, [READER])
    with pytest.raises(NotFoundError):
        await js.stream_info("PILE")


async def test_a_consumer_begins_where_it_is_told_and_acknowledges_all_before(js: JetStreamContext) -> None:
    spec = replace(READER, ack_all=True, start_sequence=2, inactive_s=60.0)
    await ensure(js, [PILE, spec, spec])
    for text in (b"1", b"2", b"3"):
        await js.publish("pile.a", text)
    reader = await js.pull_subscribe_bind(READER.name, READER.stream)
    second, third = await reader.fetch(2, timeout=5)
    assert (second.data, third.data) == (b"2", b"3")
    await third.ack_sync()
    info = await js.consumer_info("PILE", "reader")
    assert (info.ack_floor.stream_seq, info.num_ack_pending, info.config.inactive_threshold) == (3, 0, 60.0)
    with pytest.raises(DeclarationError, match="opt_start_seq is 2 and cannot become 3"):
        await ensure(js, [replace(spec, start_sequence=3)])


async def test_values_of_a_bucket_can_go_by_themselves(js: JetStreamContext) -> None:
    bucket = KeyValueSpec("PRESENT", 1, 64, "who is there", ttl_s=30.0)
    await ensure(js, [bucket, bucket])
    assert (await (await js.key_value("PRESENT")).status()).ttl == 30.0
    await ensure(js, [replace(bucket, ttl_s=10.0)])
    assert (await (await js.key_value("PRESENT")).status()).ttl == 10.0
