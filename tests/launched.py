"""A launcher run as `make up` runs it, for tests of the whole stack."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
UP_WITHIN_S = 90.0
DOWN_WITHIN_S = 5.0


class Launched:
    """A running launcher and what it prints."""

    def __init__(self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "infra.local", "--data", str(folder), *arguments]
        self.folder = folder
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.said: list[str] = []

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, pattern: str, within_s: float = UP_WITHIN_S) -> re.Match[str]:
        """Read on until a line matches; fail when the launcher ends or the time is over."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no {pattern!r} in\n" + "\n".join(self.said)
            self.said.append(line)
            if found := re.search(pattern, line):
                return found

    def ended(self, within_s: float) -> int:
        """Wait for the end and return the exit code; fail when it takes longer."""
        code = self.process.wait(within_s)
        self._reader.join(within_s)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def end(self, number: signal.Signals, within_s: float = DOWN_WITHIN_S) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.ended(within_s)
