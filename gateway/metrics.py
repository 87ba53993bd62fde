"""The gateway's metrics for Prometheus, in a registry of their own: nothing is global, every application has one."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_AGE_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """What one gateway process counts; figures that others hold are read when Prometheus asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received_age_s = Histogram(
            "tickmesh_gateway_quote_age_seconds",
            "Age of quotes on arrival at the gateway, from the feed's receipt, one sample a network read.",
            buckets=_AGE_BUCKETS_S,
            registry=self.registry,
        )
        self.sent_age_s = ArrayHistogram(
            "tickmesh_gateway_sent_age_seconds",
            "Age of quotes when they are written to clients, from the feed's receipt; a sample of them.",
            _AGE_BUCKETS_S,
        )
        self.exchange_age_s = ArrayHistogram(
            "tickmesh_gateway_exchange_age_seconds",
            "Age of quotes when they are written to clients, from the exchange's time; a sample of them.",
            _AGE_BUCKETS_S,
        )
        for each in (self.sent_age_s, self.exchange_age_s):
            self.registry.register(each)
        self.loop_lag_s = Histogram(
            "tickmesh_gateway_loop_lag_seconds",
            "How late the event loop was at worst, one sample ten times a second.",
            buckets=_AGE_BUCKETS_S,
            registry=self.registry,
        )
        self.refused_commands = Counter(
            "tickmesh_gateway_refused_commands_total",
            "Client messages answered with an error, by its code.",
            ["code"],
            registry=self.registry,
        )

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a figure that is read whenever it is asked for."""
        Gauge(f"tickmesh_gateway_{name}", text, registry=self.registry).set_function(read)

    def counter(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a running count that somebody else keeps."""
        self.registry.register(_KeptElsewhere(f"tickmesh_gateway_{name}", text, read))

    def render(self) -> bytes:
        """Write everything in Prometheus's text format."""
        return generate_latest(self.registry)


class ArrayHistogram(Collector):
    """A histogram that takes many values at once."""

    def __init__(self, name: str, text: str, buckets: Sequence[float]) -> None:
        self._name = name
        self._text = text
        self._bounds = np.array(buckets)
        self._counts = np.zeros(len(buckets) + 1, np.int64)
        self._sum = 0.0

    def observe(self, values: npt.NDArray[np.float64]) -> None:
        """Count values."""
        self._counts += np.bincount(np.searchsorted(self._bounds, values), minlength=len(self._counts))
        self._sum += float(values.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Show the counts, each with those of all smaller buckets."""
        names = [*(f"{bound:g}" for bound in self._bounds.tolist()), "+Inf"]
        counts = np.cumsum(self._counts).tolist()
        buckets = list(zip(names, map(float, counts), strict=True))
        yield HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=self._sum)


class _KeptElsewhere(Collector):
    """A counter whose value is read whenever it is asked for."""

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._name = name
        self._text = text
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._text, value=self._read())
