"""Builds the live part of a gateway: channels, topics, one fan-out per encoding, and those who see to them."""

import asyncio
import random
from dataclasses import dataclass

from gateway.candle_source import CandleSource
from gateway.live.admission import Admission
from gateway.live.channels import open_channels
from gateway.live.fan_out import FanOut
from gateway.live.fan_out_loop import FanOutLoop
from gateway.live.figures import LiveFigures
from gateway.live.hub import HOUSEKEEPING_S, Hub
from gateway.live.load import LoadMeter
from gateway.live.overload import Ladder
from gateway.live.relief import Relief
from gateway.live.topics import TopicTable
from gateway.live.watching import Watching
from gateway.live.wire import WIRES
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings
from gateway.upstream import Upstream
from mesh.connection import Connection


@dataclass(frozen=True, slots=True)
class Live:
    """The live part, running while `run` does."""

    hub: Hub
    admission: Admission
    fan_outs: dict[str, FanOut]
    """By subprotocol."""
    relief: Relief
    loop: FanOutLoop
    heartbeat_s: float
    metrics: Metrics

    async def run(self) -> None:
        """Measure the load, send heartbeats and keep house, while the task lives."""
        meter = LoadMeter(self._on_load)
        meter.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._heartbeats())
                tasks.create_task(self._housekeeping())
        finally:
            meter.stop()
            self.loop.stop()

    def _on_load(self, now_s: float, lag_s: float, cpu: float) -> None:
        self.metrics.loop_lag_s.observe(lag_s)
        self.relief.observe(now_s, lag_s, cpu)

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat_s)
            await self.hub.heartbeat()

    async def _housekeeping(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.hub.keep_house(asyncio.get_running_loop().time())


def build_live(
    settings: GatewaySettings,
    connection: Connection,
    upstream: Upstream,
    candles: CandleSource,
    epoch: str,
    metrics: Metrics,
) -> Live:
    """Build everything once, each part given what it needs."""
    admission = Admission(
        accepts_per_s=settings.accepts_per_s,
        connections_per_address=settings.connections_per_address,
        connections_per_user=settings.connections_per_user,
        connections_unproven=settings.connections_unproven,
        symbols_per_user=settings.symbols_per_user,
        random=random.random,
    )
    loop = FanOutLoop(lambda: admission.unproven)
    channels = open_channels(connection, upstream, candles, settings.linger_s, loop.changed)
    topics = TopicTable(len(channels))
    figures = LiveFigures(metrics, upstream, topics)
    fan_outs = {name: FanOut(wire, topics, channels, figures.written) for name, wire in WIRES.items()}
    served = list(fan_outs.values())
    loop.attach(topics, channels, served)
    ladder = Ladder(settings.overload_lag_ms / 1e3, settings.overload_cpu)
    relief = Relief(
        ladder, topics, channels, served, loop, upstream.name, settings.frames_per_s,
        settings.most_watched,
    )  # fmt: skip
    watching = Watching(epoch, upstream, topics, channels, loop, relief, admission, settings.symbols_per_connection)
    hub = Hub(settings, watching, channels, served, loop)
    relief.sessions = hub.sessions
    figures.show(hub, admission, served, relief)
    return Live(hub, admission, fan_outs, relief, loop, settings.heartbeat_s, metrics)
