"""What the live part of a gateway shows of itself to Prometheus."""

import time
from collections.abc import Sequence

import numpy as np

from gateway.live.admission import Admission
from gateway.live.fan_out import FanOut
from gateway.live.hub import Hub
from gateway.live.relief import Relief
from gateway.live.topics import Topics, TopicTable
from gateway.metrics import Metrics
from gateway.upstream import Upstream

_QUOTE = 0  # the first channel
_SAMPLED_CALLS, _SAMPLED = 10, 200  # some entries of some slices: the ages of all would cost as much as sending some


class LiveFigures:
    """Takes the ages of what is written, and shows the figures that others keep."""

    def __init__(self, metrics: Metrics, upstream: Upstream, topics: TopicTable) -> None:
        self._metrics = metrics
        self._upstream = upstream
        self._topics = topics
        self._calls = 0
        self._offered = 0
        upstream.on_changed(self._count_offered)

    def written(self, topics: Topics) -> None:
        """Take the ages of some of the entries that were written just now."""
        self._calls += 1
        if self._calls % _SAMPLED_CALLS:
            return
        sampled = topics[:: len(topics) // _SAMPLED + 1]
        numbers = self._topics.number[sampled[self._topics.channel[sampled] == _QUOTE]]
        if len(numbers):
            states, now_ns = self._upstream.table.states(numbers), time.time_ns()
            self._metrics.sent_age_s.observe((now_ns - states["ts_recv"].astype(np.int64)) / 1e9)
            self._metrics.exchange_age_s.observe((now_ns - states["ts_event"].astype(np.int64)) / 1e9)

    def show(self, hub: Hub, admission: Admission, fan_outs: Sequence[FanOut], relief: Relief) -> None:
        """Show the figures, read whenever they are asked for."""
        gauge, counter = self._metrics.gauge, self._metrics.counter
        gauge("clients", "Connected live clients.", lambda: hub.clients)
        gauge("unproven_connections", "Connections that have not authenticated.", lambda: admission.unproven)
        gauge("client_subscriptions", "What clients watch, counted for each.", lambda: _rows(fan_outs))
        gauge("topics", "Instruments that are watched, counted in each channel.", lambda: len(self._topics))
        gauge("pending_updates", "Updates that wait for their client's turn.", lambda: _pending(fan_outs))
        gauge("slow_clients", "Clients sent less as they do not read.", lambda: sum(f.slow_clients for f in fan_outs))
        gauge("overload_level", "0: everything is sent, to 4: clients poll.", lambda: int(relief.level))
        counter("updates_offered_total", "Quotes that changed, counted for each watcher.", lambda: self._offered)
        counter("updates_sent_total", "Updates written to clients.", lambda: sum(f.sent.updates for f in fan_outs))
        counter("frames_sent_total", "Frames they were written in.", lambda: sum(f.sent.frames for f in fan_outs))
        counter("bytes_sent_total", "Bytes of these frames.", lambda: sum(f.sent.bytes for f in fan_outs))
        counter("frames_skipped_total", "Frames not written.", lambda: sum(f.sent.skipped for f in fan_outs))
        gauge("subscriptions", "Instruments subscribed on NATS.", lambda: self._upstream.subscriptions)
        counter("updates_received_total", "Quotes received from NATS.", lambda: self._upstream.updates)
        gauge("nats_connected", "1 while NATS is connected.", lambda: float(self._upstream.is_connected))
        gauge("conflation_ratio", "Updates offered for each one sent.", lambda: self._conflation(fan_outs))

    def _count_offered(self, numbers: Topics) -> None:
        self._offered += int(self._topics.watchers[self._topics.of(_QUOTE, numbers)].sum())

    def _conflation(self, fan_outs: Sequence[FanOut]) -> float:
        return self._offered / max(1, sum(each.sent.updates for each in fan_outs))


def _rows(fan_outs: Sequence[FanOut]) -> int:
    return sum(len(each.subscriptions) for each in fan_outs)


def _pending(fan_outs: Sequence[FanOut]) -> int:
    return sum(int(np.count_nonzero(each.subscriptions.pending)) for each in fan_outs)
