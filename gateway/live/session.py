"""One client's session: what it watches, what it has yet to be sent. No socket and no clock in here.

What waits for a client is a bounded queue of answers, and a *set* of instruments that changed: a slow client's set only
fills up once, and what it then gets is the latest state. No quote ever stands in line behind an older one.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from gateway.live.wire import Message, Wire

MAX_WAITING_ANSWERS = 4096
_PAUSE_AT_ANSWERS = 2048  # one command, of 1,000 symbols, adds 1,001 at most


class TooSlowError(Exception):
    """The client does not read its answers; it is to be closed and may reconnect."""


class Session:
    """What one connected client has asked for and been sent."""

    def __init__(self, connection: str, wire: Wire) -> None:
        self.connection = connection
        self.wire = wire
        self.symbols: dict[int, str] = {}  # instrument number -> canonical symbol
        self.wake = asyncio.Event()
        self.room = asyncio.Event()  # cleared while so many answers wait that no command should be read
        self.room.set()
        self.is_stuck = False  # its client does not read; the sender closes it
        self._answers: deque[bytes] = deque()
        self._sent_sequence: dict[int, int] = {}
        self._dirty: dict[int, None] = {}  # in order of change, so that the oldest change goes first

    def answer(self, message: Message) -> None:
        """Queue a message that must arrive; raises TooSlowError at the bound."""
        if len(self._answers) >= MAX_WAITING_ANSWERS:
            raise TooSlowError(f"{MAX_WAITING_ANSWERS} answers wait to be read")
        self._answers.append(self.wire.encode(message))
        if len(self._answers) >= _PAUSE_AT_ANSWERS:
            self.room.clear()
        self.wake.set()

    def watch(self, number: int, symbol: str, sequence: int) -> None:
        """Watch an instrument; the client has, with its snapshot, everything up to `sequence`."""
        self.symbols[number] = symbol
        self._sent_sequence[number] = sequence

    def unwatch(self, number: int) -> None:
        """Watch an instrument no more."""
        del self.symbols[number]
        del self._sent_sequence[number]
        self._dirty.pop(number, None)

    def mark(self, number: int) -> None:
        """Note that a watched instrument changed."""
        self._dirty[number] = None
        self.wake.set()

    @property
    def has_updates(self) -> bool:
        """Whether something watched changed since it was last taken."""
        return bool(self._dirty)

    def take_answers(self) -> list[bytes]:
        """Take the queued messages, in order."""
        answers = list(self._answers)
        self._answers.clear()
        self.room.set()
        return answers

    def take_dirty(self) -> Iterable[int]:
        """Take the numbers of what changed."""
        dirty, self._dirty = self._dirty, {}
        return dirty

    def advance(self, number: int, sequence: int) -> bool:
        """Note that the client is sent `sequence`; False, and it is not to be sent, if it has that or a newer one."""
        if number not in self._sent_sequence or sequence <= self._sent_sequence[number]:
            return False
        self._sent_sequence[number] = sequence
        return True
