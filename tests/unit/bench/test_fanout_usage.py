import mmap
import os
import time
from collections.abc import Callable

from bench.fanout.usage import Meter, Usage, resident_bytes

BUSY_S = 0.3


def used_by(work: Callable[[], object]) -> Usage:
    """Measure this process while it does something over and over."""
    meter, until_s = Meter(os.getpid()), time.thread_time() + BUSY_S
    while time.thread_time() < until_s:
        work()
    return meter.stop()


def test_the_sum_is_what_the_process_ran() -> None:
    usage = used_by(lambda: sum(range(1000)))
    assert BUSY_S <= usage.cpu_s < 2 * BUSY_S


def test_work_in_and_outside_the_kernel_is_told_apart() -> None:
    def read() -> None:
        os.preadv(zero, [memory], 0)

    with open("/dev/zero", "rb") as file:  # noqa: PTH123  # its descriptor is wanted
        zero, memory = file.fileno(), bytearray(1 << 20)
        kernel = used_by(read)
    own = used_by(lambda: sum(range(1000)))
    assert kernel.is_sampled == own.is_sampled
    assert own.user_s > 0.6 * own.cpu_s
    assert kernel.user_s < 0.4 * kernel.cpu_s


def test_memory() -> None:
    # Mapped for itself: what the allocator hands out may be memory that the process has had all along.
    with mmap.mmap(-1, 1 << 26, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        before = resident_bytes(os.getpid())
        for page in range(0, len(held), mmap.PAGESIZE):
            held[page] = 1
        assert resident_bytes(os.getpid()) - before >= len(held) / 2
