"""How many files and sockets this process may have open: as many as it can get, not the default."""

import contextlib
import resource
from pathlib import Path

_MOST = Path("/proc/sys/fs/nr_open")


def raise_limit() -> int:
    """Take all descriptors that the system grants, to this process and its children; return how many those are.

    A live client takes one. A privileged process may pass the limit that it was given.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = int(_MOST.read_text()) if _MOST.exists() else hard
    for wanted in (most, hard):
        with contextlib.suppress(OSError, ValueError):  # macOS grants fewer than its limit says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
    return soft
