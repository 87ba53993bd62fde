"""Become a program that dies with its parent: `python -I -S tie.py PARENT SIGNAL UID GID PROGRAM ARGUMENTS…`.

This runs between the launcher's fork and the program, as a process of its own and not as a function in the forked
child: the launcher has threads, and Python code in the fork of a process with threads can stop for ever.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
KEEP = -1  # as UID and GID: stay who we are
CANNOT_START = 127


def main(arguments: list[str]) -> int:
    """Change the account, tie our life to the parent's, become the program; return only where that fails."""
    parent, number, uid, gid = (int(word) for word in arguments[:4])
    program = arguments[4:]
    if uid != KEEP:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of account, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            return CANNOT_START
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and a program would inherit that
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execv(program[0], program)  # noqa: S606  # a program declared by the launcher
    except OSError as error:
        print(f"cannot start {program[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201  # into the service's log
        return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
