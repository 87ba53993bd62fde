"""The machine that was measured on: without it no figure means anything."""

import os
import platform
import subprocess
import time
from pathlib import Path

from infra.local.programs import nats_server

BUSY_SHARE = 0.3  # of the cores, in the load average of the last minute
_SUMS, _SUMMANDS = 5, 250_000


def describe(folder: Path) -> str:
    """Say in one line what runs the benchmarks; `folder` is where the servers keep their data."""
    version = subprocess.run([str(nats_server()), "--version"], capture_output=True, text=True, check=True).stdout
    return ", ".join(
        (
            f"{os.cpu_count()} x {_cpu_model()}",
            f"{_memory_gib():.0f} GiB",
            f"{platform.system()} {platform.release()}",
            f"Python {platform.python_version()}",
            version.strip(),
            f"data on {_file_system(folder)}",
        )
    )


def load() -> tuple[str, bool]:
    """Tell the load average, and whether the machine was busy before anything was started."""
    average = os.getloadavg()
    return " ".join(f"{each:.2f}" for each in average), average[0] > BUSY_SHARE * (os.cpu_count() or 1)


def pace_ms() -> float:
    """Tell what a fixed sum takes on one core, the best of some: a machine that shares its processors has many paces.

    Figures of two runs can be compared where this is the same in both.
    """
    took_s = []
    for _ in range(_SUMS):
        began_s = time.perf_counter()
        sum(each * each % 7 for each in range(_SUMMANDS))
        took_s.append(time.perf_counter() - began_s)
    return 1e3 * min(took_s)


def loopback_drops() -> int:
    """Count the packets that found the backlog of their processor full since the machine started; TCP sends them again.

    All between processes of one machine passes through it: the second column of each line,
    https://docs.kernel.org/networking/scaling.html. 0 where the system has no such count.
    """
    try:
        lines = Path("/proc/net/softnet_stat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1], 16) for line in lines)


def loopback_room() -> str:
    """Tell how many packets the backlog of a processor holds."""
    try:
        return Path("/proc/sys/net/core/netdev_max_backlog").read_text().strip()
    except OSError:
        return "an unknown number of"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        "unknown CPU",
    )


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _file_system(folder: Path) -> str:
    """Name the type of the file system under a folder: a tape on tmpfs would not be on disk."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "an unknown file system"
    resolved = folder.resolve()
    fitting = [(len(point), kind) for point, kind in mounts if resolved.is_relative_to(point)]
    return max(fitting)[1]
