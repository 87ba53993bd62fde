import itertools
import random
from collections.abc import Generator

import pytest
from websockets.frames import Frame, Opcode

from bench.fanout.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    FrameError,
    Reassembler,
    masked,
    served,
)

SIZES = (0, 1, 125, 126, 127, 1000, 65_535)


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
        assert stream.rest == b""


def test_it_knows_what_has_come_of_a_message_that_is_not_over() -> None:
    stream = Reassembler()
    frame = served(BINARY, b"abc")
    assert stream.take(frame[:-1]) == []
    assert stream.rest == frame[:-1]
    assert stream.take(b"c") == [(BINARY, b"abc")]
    assert stream.rest == b""
    stream.take(b"\x02\x01a")
    assert stream.rest is None


def test_a_server_does_not_mask() -> None:
    with pytest.raises(FrameError):
        Reassembler().take(masked(PONG, b""))
