"""What the page says while parts of the stack are killed, and that it comes back by itself."""

import os
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import Stack, find_process, wait_until_it_moves

pytestmark = pytest.mark.timeout(180)

BACK_MS = 60_000  # a gateway's start and the longest pause between two tries; or a lease that ends, and is taken again


def wait_until_the_candle_moves(page: Page) -> None:
    """Wait until the chart's last candle is another than now, and nothing is amiss with it."""
    page.wait_for_function(
        "before => { const { lastT, lastV } = document.querySelector('[data-testid=chart]').dataset;"
        " return lastT && `${lastT} ${lastV}` !== before }",
        arg=page.get_by_test_id("chart").evaluate("each => `${each.dataset.lastT} ${each.dataset.lastV}`"),
        timeout=BACK_MS,
    )
    expect(page.get_by_test_id("chart-words")).to_be_empty()


def test_the_page_says_reconnecting_and_comes_back_by_itself(page: Page, stack: Stack) -> None:
    state = page.get_by_test_id("connection-state")
    for process, states in ((b"-m\0gateway", "reconnecting"), (b"nats.conf", "upstream-reconnecting")):
        page.evaluate(
            "() => { window.seen = []; const at = document.querySelector('[data-testid=connection-state]');"
            " new MutationObserver(() => window.seen.push(at.dataset.state)).observe(at, {attributes: true}) }"
        )
        os.kill(find_process(stack.launched.process.pid, process), signal.SIGKILL)
        page.wait_for_function("state => window.seen.includes(state)", arg=states)
        expect(state).to_have_attribute("data-state", "live", timeout=BACK_MS)
        wait_until_it_moves(page, "XNAS:NVDA", "last")
        wait_until_the_candle_moves(page)
