import itertools
import random
from collections.abc import Generator

import numpy as np
import pytest
from websockets.frames import Frame, Opcode

from bench.fanout.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    Reads,
    Reassembler,
    begins_with,
    masked,
    served,
    split,
)

SIZES = (0, 1, 125, 126, 127, 1000, 65_535)


def reads_of(*parts: bytes) -> Reads:
    ends = np.cumsum([len(part) for part in parts]).astype(np.intp)
    starts = np.concatenate([np.zeros(1, np.intp), ends[:-1]])
    return Reads(np.frombuffer(b"".join(parts), np.uint8), starts, ends)


def cut(*parts: bytes) -> tuple[list[bool], list[tuple[int, int]]]:
    frames = split(reads_of(*parts), BINARY)
    return frames.is_whole.tolist(), sorted(zip(frames.reads.tolist(), frames.payloads.tolist(), strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_a_read_of_one_frame(size: int) -> None:
    head = 2 if size < 126 else 4
    assert cut(served(BINARY, bytes(size))) == ([True], [(0, head)])


def test_several_frames_of_several_reads() -> None:
    short, long = served(BINARY, b"ab"), served(BINARY, bytes(300))
    assert cut(short + long, long, short * 3) == (
        [True, True, True],
        [(0, 2), (0, 8), (1, 312), (2, 614), (2, 618), (2, 622)],
    )


@pytest.mark.parametrize(
    "part",
    [
        served(BINARY, bytes(300))[:-1],
        served(BINARY, bytes(300))[:3],
        served(BINARY, b"ab")[:1],
        served(BINARY, b"ab") + b"\x82",
        served(BINARY, b"ab") + served(PING, b""),
        served(TEXT, b"ab"),
        b"\x02\x02ab",  # not the last of its message
        masked(BINARY, b"ab"),
        b"\x82\x7f" + (70_000).to_bytes(8, "big") + bytes(70_000),
    ],
)
def test_a_read_of_anything_else_is_left_out_whole(part: bytes) -> None:
    whole = served(BINARY, b"abc")
    assert cut(whole, part, whole) == ([True, False, True], [(0, 2), (2, len(whole) + len(part) + 2)])


def test_more_frames_than_are_cut_in_bulk() -> None:
    assert cut(served(BINARY, b"x") * 40)[0] == [False]


def test_beginnings() -> None:
    data = np.frombuffer(b"abcabd", np.uint8)
    assert begins_with(data, np.array([0, 3, 5]), b"abc").tolist() == [True, False, False]


@pytest.mark.parametrize("size", [*SIZES, 65_536, 200_000])
def test_masked_frames_are_what_a_server_reads(size: int) -> None:
    payload = random.Random(size).randbytes(size)
    reader = bytearray(masked(BINARY, payload))

    def read_exact(count: int) -> Generator[None, None, bytes]:
        yield from ()
        taken = bytes(reader[:count])
        del reader[:count]
        return taken

    parsing = Frame.parse(read_exact, mask=True)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    assert (parsed.value.value.opcode, bytes(parsed.value.value.data)) == (Opcode.BINARY, payload)
    assert not reader


def test_messages_come_out_whole_wherever_the_reads_end() -> None:
    source = random.Random(1)
    messages = [(BINARY, source.randbytes(size)) for size in (0, 5, 130, 70_000)]
    fragmented = b"\x02\x02ab" + served(PING, b"p") + b"\x00\x01c" + b"\x80\x01d"
    data = b"".join(Frame(Opcode.BINARY, payload).serialize(mask=False) for _, payload in messages)
    data += fragmented + served(CLOSE, b"\x03\xe8")
    expected = [*messages, (PING, b"p"), (BINARY, b"abcd"), (CLOSE, b"\x03\xe8")]
    for _ in range(20):
        ends = [0, *sorted(source.sample(range(1, len(data)), 9)), len(data)]
        stream = Reassembler()
        taken = [stream.take(data[start:end]) for start, end in itertools.pairwise(ends)]
        assert [message for each in taken for message in each] == expected
        assert stream.is_between


def test_it_knows_that_a_message_is_not_over() -> None:
    stream = Reassembler()
    assert stream.take(served(BINARY, b"abc")[:-1]) == []
    assert not stream.is_between
    assert stream.take(b"c") == [(BINARY, b"abc")]
    assert stream.is_between
    stream.take(b"\x02\x01a")
    assert not stream.is_between


def test_a_server_does_not_mask() -> None:
    with pytest.raises(FrameError):
        Reassembler().take(masked(PONG, b""))
