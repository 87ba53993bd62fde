"""Frames that compiled code joins and writes: the wire's own bytes, whole and in order, whatever a socket takes."""

import contextlib
import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Callable, Iterator

import msgpack
import pytest

from gateway.live import fan_out as module
from gateway.live.direct_send import frame
from gateway.live.wire import JSON, MSGPACK, Wire
from tests.unit.gateway.tiny_market import Reader, TinyChannel, TinyMarket

LONG = "y" * 400
HUGE = "y" * 40_000
SOON_S = 30.0
RESET = struct.pack("ii", 1, 0)
WIRES = pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])


def connected() -> tuple[socket.socket, socket.socket]:
    """Connect two TCP sockets: unlike a pair of Unix ones they take a part of what does not fit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        return ours, listener.accept()[0]


def unacknowledged(sender: socket.socket) -> int:
    """Count the bytes written that have not reached the other end."""
    return int.from_bytes(fcntl.ioctl(sender, termios.TIOCOUTQ, bytes(4)), "little")


class End:
    """A client's end, and the server's direct way to it."""

    def __init__(self) -> None:
        self.ours, self.theirs = connected()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.rests: list[bytes] = []
        self._tell: Callable[[int], object] | None = None

    def attend(self, on_change: Callable[[int], object] | None) -> None:
        self._tell = on_change
        self.open()

    def finish(self, rest: bytes) -> None:
        """Hold what a transport would write, and close the way meanwhile, as a transport's pause does."""
        self.rests.append(rest)
        self.shut()

    def open(self) -> None:
        if self._tell is not None:
            self._tell(self.ours.fileno())

    def shut(self) -> None:
        assert self._tell is not None
        self._tell(-1)

    def received(self) -> bytes:
        """Read all that was written, also what a busy kernel is still bringing."""
        parts: list[bytes] = []
        deadline_s = time.monotonic() + SOON_S
        while time.monotonic() < deadline_s:
            is_all_here = not unacknowledged(self.ours)
            try:
                parts.append(self.theirs.recv(1 << 20))
            except BlockingIOError:
                if is_all_here:
                    return b"".join(parts)
                select.select([self.theirs], [], [], 0.01)
        raise AssertionError(f"{unacknowledged(self.ours)} bytes are still on their way")

    def end(self) -> None:
        self.ours.close()
        self.theirs.close()


@contextlib.contextmanager
def clients(market: TinyMarket, count: int) -> Iterator[list[tuple[Reader, End]]]:
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            end, reader = End(), Reader(market.fan_out.wire)
            stack.callback(end.end)
            reader.fan_out = market.fan_out
            reader.client = market.fan_out.join(refuse, 1, end)  # type: ignore[arg-type]  # all that is used of one
            made.append((reader, end))
        yield made


def refuse(_: bytes) -> bool:
    return False


def messages(data: bytes) -> list[bytes]:
    """Take frames apart (RFC 6455, 5.2)."""
    found, at = [], 0
    while at < len(data):
        length, width = data[at + 1], {126: 2, 127: 8}.get(data[at + 1], 0)
        start = at + 2 + width
        if width:
            length = int.from_bytes(data[at + 2 : start], "big")
        found.append(data[start : start + length])
        at = start + length
    return found


@WIRES
def test_a_frame_is_the_wire_s_own_bytes(wire: Wire) -> None:
    market = TinyMarket(TinyChannel("one"), TinyChannel("two"), wires=(wire,))
    with clients(market, 1) as [(reader, end)]:
        market.subscribe(reader, 1, 2, channel=0)
        market.subscribe(reader, 7, channel=1)
        for number, channel in ((1, 0), (2, 0), (7, 1)):
            market.change(number, channel, a=number)
        market.serve(0)
        entries = {
            "one": [wire.encode({"s": "1", "q": 1, "a": 1}), wire.encode({"s": "2", "q": 1, "a": 2})],
            "two": [wire.encode({"s": "7", "q": 1, "a": 7})],
        }
        assert end.received() == frame(wire.frame("update", entries), wire.is_text)


@WIRES
@pytest.mark.parametrize("count", [1, 2, 15, 16, 70, 256, 257, 600])
def test_frames_of_any_size_have_their_head(wire: Wire, count: int) -> None:
    market = TinyMarket(wires=(wire,))
    with clients(market, 1) as [(reader, end)]:
        market.subscribe(reader, *range(count))
        for number in range(count):
            market.change(number, a=7)
        market.serve(0)
        data = end.received()
        join = wire.joiner("update", "tiny")
        entries = [wire.encode({"s": str(number), "q": 1, "a": 7}) for number in range(count)]
        most = module.MAX_ENTRIES_PER_FRAME
        expected = [join(entries[at : at + most]) for at in range(0, count, most)]
        assert data == b"".join(frame(each, wire.is_text) for each in expected)
        assert market.fan_out.sent.bytes == sum(map(len, expected))


def test_a_frame_beyond_64_kib_has_the_longest_head() -> None:
    market = TinyMarket(wires=(MSGPACK,))
    with clients(market, 1) as [(reader, end)]:
        end.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        market.subscribe(reader, *range(200))
        for number in range(200):
            market.change(number, a=LONG)  # type: ignore[arg-type]  # a value takes whatever can be encoded
        market.serve(0)
        (message,) = messages(end.received() + b"".join(end.rests))
        assert len(message) > 1 << 16
        assert [each["a"] for each in msgpack.unpackb(message)["tiny"]] == [LONG] * 200


def test_the_rest_of_a_frame_is_the_transport_s_and_nothing_overtakes_it() -> None:
    market = TinyMarket(wires=(MSGPACK,))
    with clients(market, 2) as [(slow, slow_end), (other, other_end)]:
        # A frame of megabytes does not fit into what the kernel holds between two ends, whatever it holds already.
        slow_end.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        market.subscribe(slow, *range(256))
        market.subscribe(other, 1)
        for number in range(256):
            market.change(number, a=HUGE)  # type: ignore[arg-type]  # a value takes whatever can be encoded
        market.serve(1)
        assert len(slow_end.rests) == 1
        market.change(1, a=-1)
        market.serve(100)
        assert len(slow_end.rests) == 1, "nothing goes by while the rest waits"
        for each in messages(slow_end.received() + slow_end.rests[0]):
            assert slow.send(each)
        slow_end.open()
        market.serve(1000)
        for reader, end in ((slow, slow_end), (other, other_end)):
            for each in messages(end.received()):
                assert reader.send(each)
            assert reader.held == market.known(reader)
        assert (len(slow.frames), len(other.frames)) == (2, 2)


def test_a_socket_that_is_full_or_gone_is_a_client_that_does_not_read() -> None:
    market = TinyMarket(wires=(MSGPACK,))
    with clients(market, 3) as [(full, full_end), (gone, gone_end), (reader, end)]:
        gone_end.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        gone_end.theirs.close()
        with contextlib.suppress(BlockingIOError):
            while True:
                full_end.ours.send(bytes(1 << 16))
        for each in (full, gone, reader):
            market.subscribe(each, 1)
        market.change(1, a=5)
        market.serve(3)
        assert market.fan_out.stalled(3) == [full.client, gone.client]
        assert (market.fan_out.sent.frames, market.fan_out.sent.skipped) == (1, 2)
        assert len(messages(end.received())) == 1
        assert full_end.rests == gone_end.rests == []


def test_a_client_whose_way_is_shut_is_offered_its_frames_instead() -> None:
    market = TinyMarket(wires=(JSON,))
    with clients(market, 1) as [(_, end)]:
        reader = Reader(JSON)
        reader.fan_out = market.fan_out
        reader.client = market.fan_out.join(reader.send, 1, end)  # type: ignore[arg-type]  # as above
        market.subscribe(reader, 1)
        end.shut()
        market.change(1, a=1)
        market.serve(0)
        assert reader.held == market.known(reader)
        assert end.received() == b""
        end.open()
        market.change(1, a=2)
        market.serve(10)
        assert [reader.send(each) for each in messages(end.received())] == [True]
        assert reader.held == market.known(reader)


def test_whoever_left_is_written_to_no_more() -> None:
    market = TinyMarket(wires=(JSON,))
    with clients(market, 1) as [(reader, end)]:
        market.subscribe(reader, 1)
        market.change(1, a=1)
        market.leave(reader)
        market.serve(0)
        end.open()  # says nothing to nobody
        next_one = market.watching(1)
        market.change(1, a=2)
        market.serve(1)
        assert end.received() == b""
        assert next_one.client == reader.client
        assert next_one.held == market.known(next_one)
