"""When a process that died is started again: soon at first, then ever later, afresh after a healthy while."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Delays that double from `first_s` up to `most_s`; a process that lived `healthy_s` is forgiven its past."""

    first_s: float = 0.2
    most_s: float = 10.0
    healthy_s: float = 30.0
    start_attempts: int = 3

    def failures_after(self, failures: int, lived_s: float) -> int:
        """Count the failures in a row, given those before and how long the process that died had lived."""
        return 1 if lived_s >= self.healthy_s else failures + 1

    def delay_s(self, failures: int) -> float:
        """Return the pause before the next start, after `failures` (1 or more) in a row."""
        doublings = min(failures - 1, 32)  # so that the power stays a sensible number
        return min(self.most_s, self.first_s * 2.0**doublings)


def describe_exit(code: int) -> str:
    """Say how a process ended: `exit code 1`, `SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
