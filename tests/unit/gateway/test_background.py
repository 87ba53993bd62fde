import asyncio
import logging
import signal
from collections.abc import Iterator

import pytest

from gateway.app import end_if_failed


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """Collect the SIGTERMs that this process is sent."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    yield received
    signal.signal(signal.SIGTERM, before)


async def work(error: Exception | None) -> None:
    if error is not None:
        raise error


async def test_a_gateway_whose_background_work_fails_ends_and_says_why(
    signals: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    task = asyncio.ensure_future(work(RuntimeError("the directory is on fire")))
    task.add_done_callback(end_if_failed)
    await asyncio.wait([task])
    await asyncio.sleep(0)  # callbacks run in the loop's next turn
    assert signals == [signal.SIGTERM]
    (record,) = (each for each in caplog.records if each.levelno == logging.CRITICAL)
    assert "the directory is on fire" in str(record.exc_info)


@pytest.mark.parametrize("cancelled", [False, True])
async def test_work_that_ends_or_is_ended_in_order_ends_nothing_else(signals: list[int], cancelled: bool) -> None:
    task = asyncio.ensure_future(work(None))
    task.add_done_callback(end_if_failed)
    if cancelled:
        task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert signals == []
