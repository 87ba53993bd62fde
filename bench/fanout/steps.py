"""How a client gets from nothing to its first snapshot, and when it took each step. No socket in here."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from bench.fanout.dialects import Dialect
from bench.fanout.ledger import Ledger
from bench.processes import Figures


class Step(IntEnum):
    """How far a client is."""

    NONE = 0
    CONNECTING = 1
    UPGRADING = 2
    GREETING = 3  # upgraded, not welcome yet
    ASKING = 4
    LIVE = 5
    CLOSED = 6


class Openings:
    """Each client's step, and the time in ns at which it took each."""

    def __init__(self, dialect: Dialect, ledger: Ledger, clients: int) -> None:
        self.steps = np.zeros(clients, np.int8)
        self._dialect = dialect
        self._ledger = ledger
        self._at_ns = np.zeros((clients, len(Step)), np.int64)

    def went(self, client: int, step: Step, now_ns: int) -> None:
        """Note a step."""
        self.steps[client] = step
        self._at_ns[client, step] = now_ns

    def hear(self, client: int, kind: str, now_ns: int) -> None:
        """Note when a client that has asked got its whole answer: the server says so, or it knows every instrument."""
        if self.steps[client] == Step.ASKING and (kind == "ready" or self._ledger.holds_all(client)):
            self.went(client, Step.LIVE, now_ns)

    def count(self, step: Step) -> int:
        """Count the clients at a step."""
        return int((self.steps == step).sum())

    def figures(self) -> Figures:
        """Sum up how long the steps took, in ms."""
        return {
            "live": self.count(Step.LIVE),
            "welcome_ms": self._took(Step.CONNECTING, Step.GREETING if not self._dialect.greets else Step.ASKING),
            "snapshot_ms": self._took(Step.ASKING, Step.LIVE),
            "took_s": float(self._at_ns.max() - self._at_ns[:, Step.CONNECTING].min()) / 1e9,
        }

    def _took(self, first: Step, second: Step) -> Figures:
        begun, done = self._at_ns[:, first], self._at_ns[:, second]
        return quantiles((done - begun)[done > 0] / 1e6)


def quantiles(samples: npt.NDArray[np.float64]) -> Figures:
    """Sum up samples; all is NaN where there are none."""
    if not len(samples):
        return {"count": 0, "p50": float("nan"), "p99": float("nan"), "max": float("nan")}
    p50, p99, most = np.percentile(samples, [50, 99, 100]).tolist()
    return {"count": len(samples), "p50": p50, "p99": p99, "max": most}
