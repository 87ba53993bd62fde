"""The bulk parser's single cases; tests/property/test_mesh_bulk_parser.py has the rest."""

import logging
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from nats.aio.client import Client
from nats.errors import ProtocolError

from mesh.bulk_parser import FIRST_RAW_SID, MAX_CONTROL_LINE_BYTES, BulkParser
from mesh.bulk_run import ANY_SIZE, FIRST_BULK_SID

SID, SIZE = FIRST_BULK_SID + 17, 4
Delivered = list[tuple[int, bytes]]


def message(payload: bytes = b"ABCD", sid: int = SID, subject: str = "q.A") -> bytes:
    return b"MSG %s %d %d\r\n%s\r\n" % (subject.encode(), sid, len(payload), payload)


@pytest.fixture
def parser() -> BulkParser:
    return BulkParser(Client())


@pytest.fixture
def delivered(parser: BulkParser) -> Delivered:
    found: Delivered = []
    parser.route(SID, 5, "q.A", SIZE, collector(found))
    return found


def collector(found: Delivered) -> Callable[[npt.NDArray[np.intp], npt.NDArray[np.uint8]], None]:
    def receive(slots: npt.NDArray[np.intp], payloads: npt.NDArray[np.uint8]) -> None:
        found.extend((int(slot), row.tobytes()) for slot, row in zip(slots, payloads, strict=True))

    return receive


async def test_a_run_is_handed_over_in_one_call(parser: BulkParser) -> None:
    calls: list[tuple[list[int], tuple[int, ...]]] = []
    parser.route(SID, 5, "q.A", SIZE, lambda slots, payloads: calls.append((slots.tolist(), payloads.shape)))
    await parser.parse(message() * 100)
    assert calls == [([5] * 100, (100, SIZE))]


@pytest.mark.parametrize("together", [1, 3])
async def test_a_payload_of_the_wrong_size_is_discarded_and_said(
    parser: BulkParser, delivered: Delivered, caplog: pytest.LogCaptureFixture, together: int
) -> None:
    parser.route(SID + 1, 6, "q.B", 3, collector(delivered))
    await parser.parse(message() + message(b"xyz") * together + message(b"LATE"))
    assert delivered == [(5, b"ABCD"), (5, b"LATE")]
    assert caplog.text.count("q.A: 3 bytes, not 4: discarded") == together


async def test_a_payload_of_a_size_that_nobody_has_is_discarded_and_said(
    parser: BulkParser, delivered: Delivered, caplog: pytest.LogCaptureFixture
) -> None:
    await parser.parse(message(b"too long") + message())
    assert delivered == [(5, b"ABCD")]
    assert "q.A: 8 bytes, not 4: discarded" in caplog.text


async def test_a_failing_receiver_is_said_and_the_next_messages_are_delivered(
    parser: BulkParser, delivered: Delivered, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    parser.route(SID + 1, 6, "q.B", SIZE, fail)
    parser.raw[FIRST_RAW_SID] = fail
    await parser.parse(message(sid=SID + 1, subject="q.B") + message(sid=FIRST_RAW_SID, subject="r") + message())
    assert delivered == [(5, b"ABCD")]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "a receiver failed; what it was given is lost to it" in caplog.text


async def test_an_id_that_is_given_again_goes_to_its_new_owner_alone(parser: BulkParser, delivered: Delivered) -> None:
    parser.unroute(SID)
    await parser.parse(message())
    anew: Delivered = []
    parser.route(SID, 9, "quote.of.another", 2, collector(anew))
    await parser.parse(message(b"ZZ", subject="quote.of.another") * 2)
    assert delivered == []
    assert anew == [(9, b"ZZ")] * 2


async def test_what_was_half_read_is_forgotten_on_reset(parser: BulkParser, delivered: Delivered) -> None:
    await parser.parse(message(b"LOST")[:-4])
    parser.reset()
    await parser.parse(message())
    assert delivered == [(5, b"ABCD")]


async def test_a_reset_in_the_middle_of_a_read_leaves_nothing_of_that_read(delivered: Delivered) -> None:
    class Ending(Client):
        async def _process_err(self, err_msg: str) -> None:
            parser.reset()

    parser = BulkParser(Ending())
    parser.route(SID, 5, "q.A", SIZE, collector(delivered))
    await parser.parse(b"-ERR 'Stale Connection'\r\n" + message(b"LOST")[:-4])
    await parser.parse(message())
    assert delivered == [(5, b"ABCD")]


@pytest.mark.parametrize("line", [b"MSG q", b"MSG q x 4", b"MSG q 7 four", b"HMSG q 7 x 4", b"NOTHING I KNOW"])
async def test_a_line_that_is_no_protocol_is_a_protocol_error(parser: BulkParser, line: bytes) -> None:
    with pytest.raises(ProtocolError):
        await parser.parse(line + b"\r\nABCD\r\n")


async def test_a_line_without_an_end_is_given_up_at_its_bound(parser: BulkParser) -> None:
    await parser.parse(b"INFO " + b"x" * (MAX_CONTROL_LINE_BYTES - 5))
    with pytest.raises(ProtocolError, match="protocol error"):
        await parser.parse(b"x")


async def test_the_long_line_of_a_large_cluster_is_taken() -> None:
    class Told(Client):
        async def _process_info(self, info: dict[str, object], initial_connection: bool = False) -> None:
            told.append(info)

    told: list[dict[str, object]] = []
    parser = BulkParser(Told())
    line = b'INFO {"connect_urls": [' + b",".join(b'"10.0.0.%d:4222"' % at for at in range(400)) + b"]}\r\n"
    assert len(line) > 4096
    for at in range(0, len(line), 1000):
        await parser.parse(line[at : at + 1000])
    assert [len(info["connect_urls"]) for info in told] == [400]


async def test_payloads_of_any_size_are_handed_over_one_by_one_in_order(
    parser: BulkParser, delivered: Delivered
) -> None:
    parser.route(SID + 1, 6, "q.B", ANY_SIZE, lambda slot, payload: delivered.append((slot, payload)))
    sizes = [3, 4, 0, 4, 4, 70_000]
    await parser.parse(b"".join(message(b"x" * size, SID + 1, "q.B") + message() for size in sizes))
    assert [payload for slot, payload in delivered if slot == 6] == [b"x" * size for size in sizes]
    assert [payload for slot, payload in delivered if slot == 5] == [b"ABCD"] * len(sizes)


async def test_payloads_of_any_size_do_not_count_as_others_of_the_wrong_size(
    parser: BulkParser, delivered: Delivered, caplog: pytest.LogCaptureFixture
) -> None:
    parser.route(SID + 1, 6, "q.B", ANY_SIZE, lambda slot, payload: delivered.append((slot, payload)))
    await parser.parse(message(b"WXYZ", SID + 1, "q.B") * 2 + message(b"long enough", SID + 1, "q.B"))
    assert delivered == [(6, b"WXYZ"), (6, b"WXYZ"), (6, b"long enough")]
    assert caplog.text == ""


async def test_a_receiver_of_single_payloads_that_fails_loses_that_one_alone(
    parser: BulkParser, delivered: Delivered, caplog: pytest.LogCaptureFixture
) -> None:
    def receive(slot: int, payload: bytes) -> None:
        if payload == b"bad!":
            raise ZeroDivisionError
        delivered.append((slot, payload))

    parser.route(SID + 1, 6, "q.B", ANY_SIZE, receive)
    await parser.parse(b"".join(message(each, SID + 1, "q.B") for each in (b"one.", b"bad!", b"two.")))
    assert delivered == [(6, b"one."), (6, b"two.")]
    assert "a receiver failed" in caplog.text


async def test_a_receiver_may_subscribe_and_unsubscribe(parser: BulkParser, delivered: Delivered) -> None:
    def receive(slots: npt.NDArray[np.intp], payloads: npt.NDArray[np.uint8]) -> None:
        parser.unroute(SID + 1)
        parser.route(SID + 2_000_000, 8, "q.far", SIZE, collector(delivered))

    parser.route(SID + 1, 6, "q.B", SIZE, receive)
    await parser.parse(message(sid=SID + 1, subject="q.B") + message() + message(sid=SID + 2_000_000, subject="q.far"))
    await parser.parse(message(sid=SID + 1, subject="q.B") + message(sid=SID + 2_000_000, subject="q.far"))
    assert delivered == [(5, b"ABCD"), (8, b"ABCD"), (8, b"ABCD")]


async def test_what_a_read_begins_with_is_taken_at_once_and_the_rest_left(parser: BulkParser) -> None:
    taken: list[bytes] = []
    parser.whole[FIRST_RAW_SID] = lambda whole: taken.append(whole.payload)
    ours, other = message(b"one", FIRST_RAW_SID), message()
    assert parser.take(ours * 2) == b""
    assert parser.take(ours + other + ours) == other + ours
    assert parser.take(ours + ours[:-1]) == ours[:-1]
    assert parser.take(b"MSG a") == b"MSG a"
    assert taken == [b"one"] * 4


async def test_nothing_is_taken_before_what_was_half_read(parser: BulkParser) -> None:
    taken: list[bytes] = []
    parser.whole[FIRST_RAW_SID] = lambda whole: taken.append(whole.payload)
    first, second = message(b"one", FIRST_RAW_SID), message(b"two", FIRST_RAW_SID)
    await parser.parse(first[:9])
    assert parser.take(first[9:] + second) == first[9:] + second
    await parser.parse(first[9:] + second)
    assert taken == [b"one", b"two"]


async def test_a_subject_that_is_no_text_ends_nothing(parser: BulkParser) -> None:
    taken: list[str] = []
    parser.raw[FIRST_RAW_SID] = lambda subject, _: taken.append(subject)
    assert parser.take(b"MSG a.\xff %d 2\r\nok\r\nMSG a.b %d 2\r\nok\r\n" % (FIRST_RAW_SID, FIRST_RAW_SID)) == b""
    assert taken == ["a.\ufffd", "a.b"]


@pytest.mark.parametrize(
    "line",
    # The last is one that ends where it begins.
    [b"MSG q x 4", b"MSG q", b"HMSG q %d x 4" % FIRST_RAW_SID, b"MSG q %d -22" % FIRST_RAW_SID],
)
async def test_what_is_no_protocol_is_left_for_who_says_so(parser: BulkParser, line: bytes) -> None:
    parser.whole[FIRST_RAW_SID] = lambda whole: None
    data = line + b"\r\nABCD\r\n"
    assert parser.take(data) == data
    with pytest.raises(ProtocolError):
        await parser.parse(data)
