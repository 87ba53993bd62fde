"""The hub: every live session of this process, from its welcome to its end."""

import asyncio
import contextlib
import math
import random
import secrets
import time
from collections.abc import Sequence

from gateway.images import iso
from gateway.live.admission import retry_after_ms
from gateway.live.channels.channel import Channel
from gateway.live.close_codes import CloseCode
from gateway.live.fan_out import FanOut
from gateway.live.fan_out_loop import FanOutLoop
from gateway.live.garbage import Garbage
from gateway.live.messages import PROTOCOL, Closing, Heartbeat, Message, Rate, Status, Welcome
from gateway.live.outlet import TooSlowError
from gateway.live.session import Session
from gateway.live.subscriptions import NOBODY
from gateway.live.ticks import interval_ticks, rate_per_s, tick_at
from gateway.live.watching import Watching
from gateway.live.wire import WIRES
from gateway.settings import GatewaySettings

HOUSEKEEPING_S = 1.0
_DRAIN_STEP_S = 0.05
_TOLD_AT_ONCE = 200  # clients, before the event loop gets its turn
_RETURN_AFTER_MS, _RETURN_SPREAD_MS = 500, 4500


class Hub:
    """Knows who is connected, greets them, and sees them off."""

    def __init__(
        self,
        settings: GatewaySettings,
        watching: Watching,
        channels: Sequence[Channel],
        fan_outs: Sequence[FanOut],
        loop: FanOutLoop,
    ) -> None:
        self.watching = watching
        self._fan_outs = fan_outs
        self._settings = settings
        self._channels = channels
        self._loop = loop
        self._interval_ticks = interval_ticks(settings.frames_per_s)
        self._sessions: dict[tuple[FanOut, int], Session] = {}
        self._is_connected = True
        self._images_from: dict[FanOut, int] = {}
        self._garbage = Garbage()

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._sessions)

    def sessions(self) -> list[Session]:
        """List the sessions that have been welcomed."""
        return list(self._sessions.values())

    def welcome(self, session: Session) -> None:
        """Greet a session whose client is known by now, and give it its place in the fan-out."""
        session.connection = secrets.token_hex(8)
        session.interval_ticks = self._interval_ticks
        session.client = session.fan_out.join(session.outlet.offer, session.interval_ticks, session.outlet.direct)
        self._sessions[session.fan_out, session.client] = session
        self._loop.poke()
        names = tuple(each.name for each in self._channels)
        rate = rate_per_s(session.interval_ticks)
        session.answer(Welcome(PROTOCOL, session.connection, self.watching.epoch, rate, names, iso(time.time_ns())))
        if not self._is_connected:
            session.answer(_status(is_connected=False))
        self.watching.relief.tell_if_any(session)

    def close(self, session: Session) -> None:
        """End a session and all that it watched."""
        if session.client != NOBODY:
            del self._sessions[session.fan_out, session.client]
            self.watching.leave(session)
            session.client = NOBODY
        self.watching.admission.leave(session.admitted)
        self._garbage.closed()

    def pace(self, session: Session, rate: float) -> None:
        """Send a client frames as often as it asks, and no oftener than the gateway does; tell it what it got."""
        session.interval_ticks = max(interval_ticks(rate), self._interval_ticks)
        session.fan_out.pace(session.client, session.interval_ticks)
        session.answer(Rate(rate_per_s(session.interval_ticks)))

    async def announce(self, *, is_connected: bool) -> None:
        """Tell every client whether the gateway sees the market."""
        self._is_connected = is_connected
        await self._broadcast(_status(is_connected=is_connected))

    async def refresh(self) -> None:
        """Make good what may have been missed while NATS was away: everybody's next entries are full images."""
        for fan_out in self._fan_outs:
            fan_out.owe_full(slice(0, fan_out.subscriptions.used))
        for channel in self._channels:
            await channel.refresh()

    async def heartbeat(self) -> None:
        """Tell every client the server's time."""
        await self._broadcast(Heartbeat(iso(time.time_ns())))

    def keep_house(self, now_s: float) -> None:
        """Do what is due about once a second: let go, send off, and refresh; `now_s` by the event loop's clock."""
        for channel in self._channels:
            channel.sweep(time.monotonic())
        self._garbage.sweep(self.clients)
        stalled_since = tick_at(now_s - self._settings.slow_timeout_s)
        for fan_out in self._fan_outs:
            for client in fan_out.stalled(stalled_since):
                self._send_off(self._sessions[fan_out, client], "slow", "the client does not read")
            self._owe_some_images(fan_out)
        for session in self.sessions():
            if now_s - session.heard_s > self._settings.idle_timeout_s and not session.watches:
                reason = f"nothing was watched for {self._settings.idle_timeout_s:g} s"
                session.outlet.close(CloseCode.IDLE, reason)

    async def drain(self, over_s: float) -> None:
        """Send everybody off, in random order and evenly over some time; return when all have been told."""
        waiting = self.sessions()
        random.shuffle(waiting)
        steps = max(1, math.ceil(over_s / _DRAIN_STEP_S))
        began_s = time.monotonic()
        for step in range(steps):
            for session in waiting[step::steps]:
                self._send_off(session, "drain", "this gateway is going away; another is there", CloseCode.RESTART)
            due_s = began_s + (step + 1) * over_s / steps
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    def _send_off(
        self, session: Session, code: str, message: str, close_code: CloseCode = CloseCode.TRY_AGAIN_LATER
    ) -> None:
        """Tell a client when to come back, and close."""
        advice_ms = retry_after_ms(_RETURN_AFTER_MS, _RETURN_SPREAD_MS, random.random)
        with contextlib.suppress(TooSlowError):
            session.answer(Closing(code, message, advice_ms))
        session.outlet.close(close_code, message)

    def _owe_some_images(self, fan_out: FanOut) -> None:
        """Let a part of all subscriptions begin anew with a full image, so that each is round in `full_image_s`."""
        used = fan_out.subscriptions.used
        at = self._images_from.get(fan_out, 0)
        count = math.ceil(used * HOUSEKEEPING_S / self._settings.full_image_s)
        fan_out.owe_full(slice(at, at + count))
        self._images_from[fan_out] = at + count if at + count < used else 0

    async def _broadcast(self, message: Message) -> None:
        """Tell every client, some at a time; one that does not even read this is sent off."""
        encoded = {name: wire.encode(message) for name, wire in WIRES.items()}
        for count, session in enumerate(self.sessions(), 1):
            try:
                session.outlet.put(encoded[session.wire.subprotocol])
            except TooSlowError:
                self._send_off(session, "slow", "the client does not read")
            if count % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)


def _status(*, is_connected: bool) -> Status:
    return Status("live" if is_connected else "reconnecting")
