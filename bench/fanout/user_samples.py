"""How much of a thread's processor time is its own and not the kernel's, by the kernel's own sampling clock.

`/proc` divides a process's time by what it is found at whenever the machine's clock ticks, 250 times a second here. A
process that wakes up by that same clock is always found at the same: one that spent half its time in the kernel has
been seen reported with a twentieth. So threads are sampled here each half millisecond of the time they *run*, with
perf_event_open(2), which needs no rights for the part of one's own processes that is not the kernel's.
"""

import ctypes
import mmap
import os
import platform
import struct

PERIOD_S = 0.0005
_SYSCALLS = {"x86_64": 298, "aarch64": 241}
_ATTRIBUTES_BYTES = 128
_SOFTWARE, _CPU_CLOCK = 1, 0
_EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR = 1 << 5, 1 << 6
_CLOSE_ON_EXEC = 8
_ANY_CPU = _NO_GROUP = -1
_HEAD_AT = 1024  # of the shared page: how many bytes of samples were written in all
_SAMPLE_BYTES = 8  # with no fields asked for it is but a header


class UserSamples:
    """Counts a thread's samples outside the kernel from now on. Raises OSError where the system does not allow it."""

    def __init__(self, thread: int) -> None:
        attributes = struct.pack(
            "<IIQQQQQ",
            *(_SOFTWARE, _ATTRIBUTES_BYTES, _CPU_CLOCK, int(PERIOD_S * 1e9), 0, 0),
            _EXCLUDE_KERNEL | _EXCLUDE_HYPERVISOR,
        ).ljust(_ATTRIBUTES_BYTES, b"\0")
        number = _SYSCALLS.get(platform.machine())
        if number is None:
            raise OSError(f"the number of perf_event_open on {platform.machine()} is not known here")
        open_event = ctypes.CDLL(None, use_errno=True).syscall
        self._event: int = open_event(number, attributes, thread, _ANY_CPU, _NO_GROUP, _CLOSE_ON_EXEC)
        if self._event < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # Mapped to be read only, it is written round and round, and nothing is lost of the count.
        self._page = mmap.mmap(self._event, 2 * mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ)

    def stop_s(self) -> float:
        """Give the time outside the kernel since the beginning, and end."""
        (written,) = struct.unpack_from("<Q", self._page, _HEAD_AT)
        self._page.close()
        os.close(self._event)
        return float(written / _SAMPLE_BYTES * PERIOD_S)
