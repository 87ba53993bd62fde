"""When the fan-out runs: at once for a client that has been quiet, else in ticks of 10 ms, and never for long."""

import asyncio
import time
from collections.abc import Callable, Sequence

from gateway.live.channels.channel import Channel
from gateway.live.fan_out import FanOut
from gateway.live.ticks import TICK_S, tick_at
from gateway.live.topics import TopicTable

_BUDGET_S = 0.005  # for one turn of the event loop: commands and handshakes have to be served too
_YIELDS = 4  # turns between two such
_YIELDS_TO_NEWCOMERS = 100  # and one more for each who is connecting, which takes several: they come first
_SCAN_ROW_S = 5e-9  # what it takes to look at one subscription
_SCAN_SHARE = 10  # at most a tenth of the time is spent on looking
_SOONEST_S = 0.002
_TIMER_STEP_S = 0.001  # uvloop counts whole milliseconds: a timer may fire that much before its tick


class FanOutLoop:
    """Folds what channels have into the topics, and serves all clients; a callback of the event loop, not a task."""

    _topics: TopicTable
    _channels: Sequence[Channel]
    _fan_outs: Sequence[FanOut] = ()

    def __init__(self, newcomers: Callable[[], int] = lambda: 0) -> None:
        """`newcomers` tells how many clients are connecting just now."""
        self._newcomers = newcomers
        self.at_least_ticks = 1
        """The shortest interval between two frames that any client gets."""
        self._timer: asyncio.Handle | None = None
        self._due_s = 0.0
        self._not_before_s = 0.0
        self._is_any_idle = True
        self._is_round_over = True

    def attach(self, topics: TopicTable, channels: Sequence[Channel], fan_outs: Sequence[FanOut]) -> None:
        """Take what to serve; before the first change."""
        self._topics, self._channels, self._fan_outs = topics, channels, fan_outs

    def changed(self) -> None:
        """Note that a channel has something new: whoever is quiet gets it now, the others at the next tick."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._wake(loop, now_s if self._is_any_idle else _next_tick_s(now_s))

    def poke(self) -> None:
        """Note that a client came or changed its pace."""
        self._is_any_idle = True

    def stop(self) -> None:
        """Run no more."""
        if self._timer is not None:
            self._timer.cancel()

    def fold(self) -> None:
        """Take over what changed in the channels, so that snapshots and marks start from the same state."""
        for index, channel in enumerate(self._channels):
            change = channel.take_changes()
            if change is not None:
                self._topics.touch(self._topics.of(index, change.numbers), change.masks, change.positions)

    def _wake(self, loop: asyncio.AbstractEventLoop, at_s: float) -> None:
        at_s = max(at_s, self._not_before_s)
        if self._timer is not None:
            if self._due_s <= at_s:
                return
            self._timer.cancel()
        self._due_s = at_s
        self._timer = loop.call_at(at_s, self._run)

    def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now_s = loop.time()
        tick = _tick_at(now_s)
        self.fold()
        fresh = self._topics.take_fresh()
        for fan_out in self._fan_outs:
            if fresh is not None:
                fan_out.subscriptions.mark(fresh)
            if self._is_round_over:
                fan_out.begin_round()
        self._is_round_over = self._serve_slices(tick)
        self._is_any_idle = any(each.is_any_idle(tick) for each in self._fan_outs)
        ended_s = loop.time()
        rows = sum(each.subscriptions.used for each in self._fan_outs)
        self._not_before_s = ended_s + max(_SOONEST_S, min(TICK_S, rows * _SCAN_ROW_S * _SCAN_SHARE))
        if not self._is_round_over:
            self._not_before_s = self._due_s = ended_s
            self._go_on_after(loop, _YIELDS + min(self._newcomers(), _YIELDS_TO_NEWCOMERS))
        elif any(each.has_pending() for each in self._fan_outs):
            self._wake(loop, _next_tick_s(ended_s))

    def _go_on_after(self, loop: asyncio.AbstractEventLoop, turns: int) -> None:
        """Go on with the round after some turns of the event loop."""
        self._timer = loop.call_soon(self._go_on_after, loop, turns - 1) if turns else loop.call_soon(self._run)

    def _serve_slices(self, tick: int) -> bool:
        """Serve slice after slice; False where the time for it ran out first."""
        until_s = time.monotonic() + _BUDGET_S
        for fan_out in self._fan_outs:
            while fan_out.serve(tick, self.at_least_ticks):
                if time.monotonic() > until_s:
                    return False
        return True


def _tick_at(now_s: float) -> int:
    return tick_at(now_s + _TIMER_STEP_S)


def _next_tick_s(now_s: float) -> float:
    return (_tick_at(now_s) + 1) * TICK_S
