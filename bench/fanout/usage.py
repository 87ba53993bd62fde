"""What a process uses in a while, from /proc and the kernel's sampling clock; Linux only."""

import os
from dataclasses import dataclass
from pathlib import Path

from bench.fanout.user_samples import UserSamples

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time of a process, all its threads together; the sum is exact, how it is divided is sampled.

    Where the system lets nobody sample, the division is that of the clock's ticks, which can be far off.
    """

    user_s: float
    system_s: float
    is_sampled: bool

    @property
    def cpu_s(self) -> float:
        """User and system time together."""
        return self.user_s + self.system_s


class Meter:
    """Measures a process from now until it is stopped; threads that come later count in the sum alone."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._samples: list[UserSamples] = []
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                self._samples.append(UserSamples(int(task.name)))
            self._is_sampled = True
        except OSError:
            self._is_sampled = False
        self._ticked = _ticked_s(pid)
        self._cpu_s = _cpu_s(pid)

    def stop(self) -> Usage:
        """Say what was used."""
        cpu_s = _cpu_s(self._pid) - self._cpu_s
        sampled_s = sum(each.stop_s() for each in self._samples)
        if not self._is_sampled:
            user_s, system_s = (now - then for now, then in zip(_ticked_s(self._pid), self._ticked, strict=True))
            sampled_s = cpu_s * user_s / ((user_s + system_s) or 1.0)
        user_s = min(cpu_s, sampled_s)
        return Usage(user_s, cpu_s - user_s, self._is_sampled)


def resident_bytes(pid: int) -> int:
    """Read how much of a process is in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu_s(pid: int) -> float:
    """Add up the time that each thread ran, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / _NS_PER_S


def _ticked_s(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / _TICKS_PER_S, int(fields[12]) / _TICKS_PER_S
