import asyncio
import gc

import pytest

from gateway.live import outlet as module
from gateway.live.close_codes import CloseCode
from gateway.live.outlet import MAX_WAITING_BYTES, PAUSE_AT_BYTES, Outlet, TooSlowError
from gateway.live.wire import JSON, MSGPACK
from tests.unit.gateway.tiny_socket import TinySocket

BOTH_WAYS = pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "plain"])
RESTART = CloseCode.RESTART


async def settled() -> None:
    """Let everything run that needs no time."""
    for _ in range(20):
        await asyncio.sleep(0)


@BOTH_WAYS
async def test_answers_and_frames_arrive_in_the_order_they_were_given(is_direct: bool) -> None:
    end = TinySocket(is_direct=is_direct)
    outlet = Outlet(end.socket, JSON)
    for at in range(10):
        outlet.put(b"answer %d" % at)
        await settled()
        assert outlet.offer(b"frame %d" % at)
        await settled()
    assert end.arrived == [f"{kind} {at}" for at in range(10) for kind in ("answer", "frame")]


@BOTH_WAYS
async def test_a_frame_overtakes_no_answer_that_waits(is_direct: bool) -> None:
    end = TinySocket(is_direct=is_direct)
    outlet = Outlet(end.socket, JSON)
    outlet.put(b"first")
    await settled()
    end.stick()
    outlet.put(b"second")
    outlet.put(b"third")
    assert not outlet.offer(b"frame")
    end.direct.has_room = True
    assert not outlet.offer(b"frame"), "the socket has room, and answers still wait"
    outlet.put(b"fourth")
    end.flow()
    assert not outlet.offer(b"frame")
    await settled()
    assert end.arrived == ["first", "second", "third", "fourth"]
    assert outlet.offer(b"frame")
    await settled()
    assert end.arrived[4:] == ["frame"]


async def test_where_there_is_no_direct_way_one_frame_waits_at_most() -> None:
    end = TinySocket(is_direct=False)
    outlet = Outlet(end.socket, MSGPACK)
    end.stick()
    assert outlet.offer(b"one")
    assert not outlet.offer(b"two")
    outlet.put(b"answer")
    end.flow()
    await settled()
    assert end.arrived == [b"one", b"answer"]
    assert outlet.offer(b"three")


async def test_messages_go_as_text_or_as_bytes_by_either_way() -> None:
    for wire, expected in ((JSON, "…"), (MSGPACK, "…".encode())):
        for is_direct in (True, False):
            end = TinySocket(is_direct=is_direct)
            Outlet(end.socket, wire).put("…".encode())
            await settled()
            assert end.arrived == [expected]


@BOTH_WAYS
async def test_what_waits_is_bounded_and_all_of_it_arrives(is_direct: bool) -> None:
    end = TinySocket(is_direct=is_direct)
    outlet = Outlet(end.socket, JSON)
    end.stick()
    answer = b"x" * (MAX_WAITING_BYTES // 16)
    outlet.put(b"taken")
    await settled()  # it is on its way: what waits is behind it
    for _ in range(16):
        outlet.put(answer)
    with pytest.raises(TooSlowError, match="wait to be read"):
        outlet.put(b"x")
    end.flow()
    await settled()
    assert [len(each) for each in end.arrived] == [5, *[len(answer)] * 16]
    outlet.put(b"again")
    await settled()
    assert end.arrived[-1] == "again"


@BOTH_WAYS
async def test_no_command_is_read_while_the_answers_to_earlier_ones_pile_up(is_direct: bool) -> None:
    end = TinySocket(is_direct=is_direct)
    outlet = Outlet(end.socket, JSON)
    await outlet.room()
    end.stick()
    outlet.put(b"taken")
    await settled()
    outlet.put(b"x" * (PAUSE_AT_BYTES - 1))
    await outlet.room()
    outlet.put(b"x")
    waiting = asyncio.ensure_future(outlet.room())
    await settled()
    assert not waiting.done()
    end.flow()
    await asyncio.wait_for(waiting, 5)


async def test_closing_comes_after_what_was_put_and_nothing_after_it() -> None:
    for is_direct in (True, False):
        end = TinySocket(is_direct=is_direct)
        outlet = Outlet(end.socket, JSON)
        end.stick()
        outlet.put(b"answer")
        outlet.close(RESTART, "drain")
        outlet.put(b"late")
        assert not outlet.offer(b"frame")
        await settled()
        assert end.closes == []
        end.flow()
        for _ in range(20):
            assert not outlet.offer(b"frame"), "between the last answer and the close nothing may come"
            await asyncio.sleep(0)
        await outlet.closed(CloseCode.TRY_AGAIN_LATER, "another reason")
        assert (end.arrived, end.closes) == (["answer"], [(1012, "drain")])
        outlet.put(b"late")
        await settled()
        assert end.arrived == ["answer"]


async def test_a_reason_is_cut_to_what_a_close_frame_holds_and_not_within_a_character() -> None:
    end = TinySocket()
    await Outlet(end.socket, JSON).closed(RESTART, "é" * 100)
    ((_, reason),) = end.closes
    assert reason == "é" * 60


@BOTH_WAYS
async def test_a_client_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch, is_direct: bool) -> None:
    monkeypatch.setattr(module, "_CLOSE_TIMEOUT_S", 0.02)
    end = TinySocket(is_direct=is_direct)
    outlet = Outlet(end.socket, JSON)
    end.stick()
    outlet.put(b"answer")
    await asyncio.wait_for(outlet.closed(RESTART, "drain"), 5)
    await settled()
    assert end.direct.is_aborted == is_direct
    assert (end.arrived, end.closes) == ([], [])


@BOTH_WAYS
async def test_a_client_that_is_gone_is_no_error_and_holds_nobody_up(
    is_direct: bool, caplog: pytest.LogCaptureFixture
) -> None:
    end = TinySocket(is_direct=is_direct)
    outlet = Outlet(end.socket, JSON)
    end.stick()
    outlet.put(b"taken")
    await settled()
    outlet.put(b"x" * MAX_WAITING_BYTES)
    reading = asyncio.ensure_future(outlet.room())
    await settled()
    end.is_gone = True
    end.flow()
    await asyncio.wait_for(reading, 5)
    end.direct.has_room = False
    outlet.put(b"x" * MAX_WAITING_BYTES)
    await settled()
    await outlet.closed(RESTART, "drain")
    del outlet, reading
    gc.collect()
    assert caplog.text == "", "a task's error was never looked at"
