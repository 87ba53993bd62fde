"""What a connection waits on: nothing is lost, nobody waits in vain, and whoever does not wait costs little."""

import asyncio

import pytest

from gateway.serving.waiting import Gate, Inbox


async def taken(inbox: Inbox[int]) -> int:
    while inbox.empty():
        await inbox.arrival()
    return inbox.take()


async def test_items_come_out_in_their_order() -> None:
    inbox: Inbox[int] = Inbox()
    for item in range(3):
        inbox.put_nowait(item)
    assert [await taken(inbox) for _ in range(3)] == [0, 1, 2]
    assert inbox.empty()


async def test_the_reader_is_woken() -> None:
    inbox: Inbox[int] = Inbox()
    reading = asyncio.create_task(taken(inbox))
    await asyncio.sleep(0)
    assert not reading.done()
    inbox.put_nowait(1)
    inbox.put_nowait(2)
    assert await asyncio.wait_for(reading, 10) == 1
    assert await asyncio.wait_for(taken(inbox), 10) == 2


async def test_a_reader_that_gave_up_loses_nothing() -> None:
    inbox: Inbox[int] = Inbox()
    reading = asyncio.create_task(taken(inbox))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    inbox.put_nowait(1)
    assert await asyncio.wait_for(taken(inbox), 10) == 1


async def test_a_gate_is_passed_when_it_is_set() -> None:
    gate = Gate()
    assert gate.is_set()
    await asyncio.wait_for(gate.wait(), 10)
    gate.clear()
    gate.clear()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not gate.is_set()
    assert not any(each.done() for each in waiting)
    gate.set()
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert gate.is_set()


async def test_who_gave_up_at_a_gate_takes_nobody_along() -> None:
    gate = Gate()
    gate.clear()
    leaving, staying = asyncio.create_task(gate.wait()), asyncio.create_task(gate.wait())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    assert not staying.done()
    gate.set()
    await asyncio.wait_for(staying, 10)
