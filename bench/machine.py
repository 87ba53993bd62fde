"""The machine that was measured on: without it no figure means anything."""

import os
import platform
import subprocess
from pathlib import Path

from infra.local.programs import nats_server

BUSY_SHARE = 0.3  # of the cores, in the load average of the last minute


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
