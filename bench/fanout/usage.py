"""What a process has used so far, from /proc; Linux only."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time and memory of a process and all its threads.

    The kernel knows the sum of `user_s` and `system_s` exactly, and divides it by what it finds the process at, at
    every tick of its clock.
    """

    user_s: float
    system_s: float

    @property
    def cpu_s(self) -> float:
        """User and system time together."""
        return self.user_s + self.system_s

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(self.user_s - before.user_s, self.system_s - before.system_s)


def usage_of(pid: int) -> Usage:
    """Read what a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(int(fields[11]) / _TICKS_PER_S, int(fields[12]) / _TICKS_PER_S)


def resident_bytes(pid: int) -> int:
    """Read how much of a process is in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
