"""How many files and sockets this process may have open: as many as it is allowed to, not the default."""

import contextlib
import resource


def raise_limit() -> int:
    """Take all descriptors that the system grants, and return how many those are. A live client takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS grants fewer than its limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard
    return soft
