"""What a connection waits on: asyncio's queue and event hold four deques for whoever might wait, 760 bytes each."""

import asyncio
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Inbox(Generic[_Item]):
    """A queue for one reader, of few items at a time."""

    __slots__ = ("_arrival", "_items")

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._arrival: asyncio.Future[None] | None = None

    def put_nowait(self, item: _Item) -> None:
        """Add an item, and wake the reader."""
        self._items.append(item)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def empty(self) -> bool:
        """Whether there is nothing to take."""
        return not self._items

    def arrival(self) -> asyncio.Future[None]:
        """Give the reader what it is to wait for, as long as this is empty."""
        self._arrival = asyncio.get_running_loop().create_future()
        return self._arrival

    def take(self) -> _Item:
        """Take the item that was put first; raises IndexError where there is none."""
        return self._items.pop(0)


class Gate:
    """An event that is set nearly always, and costs nothing then."""

    __slots__ = ("_closed",)

    def __init__(self) -> None:
        self._closed: asyncio.Event | None = None

    def set(self) -> None:
        """Let everybody pass."""
        if self._closed is not None:
            self._closed.set()
            self._closed = None

    def clear(self) -> None:
        """Let nobody pass."""
        if self._closed is None:
            self._closed = asyncio.Event()

    def is_set(self) -> bool:
        """Whether everybody may pass."""
        return self._closed is None

    async def wait(self) -> None:
        """Pass, now or when it is set."""
        if self._closed is not None:
            await self._closed.wait()
