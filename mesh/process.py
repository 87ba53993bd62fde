"""The life of a process: logging, uvloop, and a task that SIGTERM or SIGINT ends in order."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import uvloop
from nats.errors import Error as NatsError

from mesh.settings import Settings, SettingsError, read_settings

_logger = logging.getLogger(__name__)

_OPEN_ATTEMPTS = 10
_OPEN_AGAIN_S = 1.0

Opened = TypeVar("Opened")


class Worker(Protocol):
    """What runs until its task is cancelled."""

    async def run(self) -> None:
        """Work."""


def run(main: Coroutine[None, None, None], log_level: str) -> None:
    """Run `main` until it ends or a signal cancels it; it tidies up in its own `finally`.

    An exception of `main` ends the process with its trace and a non-zero status.
    """
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # it logs every failed attempt; `connect` logs the change
    uvloop.run(_until_signalled(main))


def run_worker(
    name: str, kind: type[Settings], open_worker: Callable[[Settings], AbstractAsyncContextManager["Worker"]]
) -> None:
    """Read a worker's settings and run it; a wrong setting ends the process with its error alone."""
    try:
        settings = read_settings(kind, os.environ)
    except SettingsError as error:
        sys.exit(f"{name}: {error}")

    async def work() -> None:
        async with opened(lambda: open_worker(settings)) as worker:
            await worker.run()

    run(work(), settings.log_level)


@contextlib.asynccontextmanager
async def opened(make: Callable[[], AbstractAsyncContextManager[Opened]]) -> AsyncIterator[Opened]:
    """Enter `make()`, and again, a bounded number of times, where NATS goes away while it is being entered.

    Raises what the last attempt raised; errors of the body are never retried.
    """
    async with contextlib.AsyncExitStack() as stack:
        yield await _enter(stack, make)


async def _enter(stack: contextlib.AsyncExitStack, make: Callable[[], AbstractAsyncContextManager[Opened]]) -> Opened:
    for left in reversed(range(_OPEN_ATTEMPTS)):
        try:
            return await stack.enter_async_context(make())
        except (NatsError, TimeoutError) as error:
            if not left:
                raise
            _logger.warning("NATS went away during the start (%s); starting again", str(error) or type(error).__name__)
            await asyncio.sleep(_OPEN_AGAIN_S)
    raise AssertionError("the last attempt returns or raises")


async def _until_signalled(main: Coroutine[None, None, None]) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    _logger.info("stopped")
