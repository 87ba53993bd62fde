"""Functions of the C library, to be called from compiled code: the kernel without Python in between. Linux only."""

import platform
from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.np.numpy_support import carray

from market.compiled import compiled

_int, _address = numba.types.int32, numba.types.uintp

# ssize_t recv(int, void *, size_t, int)
recv = cast(
    Callable[[int, int, int, int], int],
    numba.types.ExternalFunction("recv", numba.types.intp(_int, _address, _address, _int)),
)
# int epoll_wait(int, struct epoll_event *, int, int)
epoll_wait = cast(
    Callable[[int, int, int, int], int],
    numba.types.ExternalFunction("epoll_wait", _int(_int, _address, _int, _int)),
)
# void *memchr(const void *, int, size_t), as an address, 0 for none
memchr = cast(
    Callable[[int, int, int], int], numba.types.ExternalFunction("memchr", numba.types.intp(_address, _int, _address))
)
_clock_gettime = cast(Callable[[int, int], int], numba.types.ExternalFunction("clock_gettime", _int(_int, _address)))
_errno_location = cast(
    Callable[[], Any], numba.types.ExternalFunction("__errno_location", cast(Any, numba.types).CPointer(_int)())
)
_REALTIME = 0
_NS_PER_S = 1_000_000_000

EVENT_WORDS = 3 if platform.machine() == "x86_64" else 4
"""The size of a `struct epoll_event` in words of 32 bits, of which the first says what happened; packed on x86-64."""
DESCRIPTOR_AT = EVENT_WORDS - 2
"""The word of it that holds the descriptor, as `select.epoll` registers it."""


@compiled
def now_ns(room: npt.NDArray[np.int64]) -> int:
    """Read the clock, in ns since 1970; `room` is for two numbers."""
    _clock_gettime(_REALTIME, room.ctypes.data)
    return int(room[0]) * _NS_PER_S + int(room[1])


@compiled
def last_error() -> int:
    """Give the error of the call just made that failed."""
    return int(carray(_errno_location(), 1)[0])
