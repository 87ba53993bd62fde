"""The alarm that bounds a connection."""

import asyncio

from gateway.serving.timing import Alarm


async def test_an_alarm_rings_once_however_often_it_is_set() -> None:
    rang = asyncio.Event()
    times: list[float] = []

    def ring() -> None:
        times.append(loop.time())
        rang.set()

    loop = asyncio.get_running_loop()
    alarm = Alarm(0.05, ring)
    began_s = loop.time()
    alarm.set()
    await asyncio.sleep(0)
    alarm.set()
    await asyncio.wait_for(rang.wait(), 5)
    assert times[0] - began_s >= 0.045
    rang.clear()
    alarm.set()
    await asyncio.wait_for(rang.wait(), 5)
    assert len(times) == 2


async def test_a_cancelled_alarm_does_not_ring_and_can_be_set_anew() -> None:
    rung: list[str] = []
    later = asyncio.Event()
    alarm = Alarm(0.01, lambda: rung.append("cancelled"))
    alarm.cancel()
    alarm.set()
    alarm.cancel()
    follower = Alarm(0.05, later.set)
    follower.set()
    await asyncio.wait_for(later.wait(), 5)
    assert rung == []
    alarm.set()
    follower.set()
    later.clear()
    await asyncio.wait_for(later.wait(), 5)
    assert rung == ["cancelled"]
