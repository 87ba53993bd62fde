"""How busy this process is: the lag of its event loop, and the share of a core that the loop takes."""

import asyncio
import time
from collections.abc import Callable

TICK_S = 0.05
SAMPLE_S = 0.1
_EARLY_S = 0.002  # uvloop counts whole milliseconds: a timer may fire that much before its time


class LoadMeter:
    """Calls `on_sample(now_s, lag_s, cpu)` ten times a second, as long as the loop gets round to it.

    The lag is how late a timer every 50 ms fires, the worst since the last sample: the longest that anything ready had
    to wait, or somewhat less, since a stall is seen from the tick after its beginning on. The CPU share is that of the
    loop's own thread. The process's would count the threads that hash passwords, which have cores of their own and
    would pass for a busy loop. `now_s` is the loop's time.
    """

    def __init__(self, on_sample: Callable[[float, float, float], object]) -> None:
        self._on_sample = on_sample
        self._timer: asyncio.TimerHandle | None = None
        self._worst_s = 0.0
        self._sampled_at_s = 0.0
        self._cpu_s = 0.0

    def start(self) -> None:
        """Begin to measure, in the running loop; once until `stop`."""
        if self._timer is not None:
            raise RuntimeError("the meter is running")
        loop = asyncio.get_running_loop()
        self._sampled_at_s, self._cpu_s, self._worst_s = loop.time(), time.thread_time(), 0.0
        self._arm(loop, self._sampled_at_s + TICK_S)

    def stop(self) -> None:
        """Measure no more; there is no sample after this."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        self._timer = loop.call_at(due_s, self._tick, loop, due_s)

    def _tick(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        now_s = loop.time()
        # Counted from now: ticks that a stall swallowed are not made up for. Armed first: the meter outlives whatever
        # `on_sample` raises, which the loop reports.
        self._arm(loop, now_s + TICK_S)
        self._worst_s = max(self._worst_s, now_s - due_s)
        passed_s = now_s - self._sampled_at_s
        if passed_s < SAMPLE_S - _EARLY_S:
            return
        cpu_s = time.thread_time()
        lag_s, cpu = self._worst_s, (cpu_s - self._cpu_s) / passed_s
        self._sampled_at_s, self._cpu_s, self._worst_s = now_s, cpu_s, 0.0
        self._on_sample(now_s, lag_s, cpu)
