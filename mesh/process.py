"""The life of a process: logging, uvloop, and a task that SIGTERM or SIGINT ends in order."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine

import uvloop

_logger = logging.getLogger(__name__)


def run(main: Coroutine[None, None, None], log_level: str) -> None:
    """Run `main` until it ends or a signal cancels it; it tidies up in its own `finally`.

    An exception of `main` ends the process with its trace and a non-zero status.
    """
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # it logs every failed attempt; `connect` logs the change
    uvloop.run(_until_signalled(main))


async def _until_signalled(main: Coroutine[None, None, None]) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    _logger.info("stopped")
