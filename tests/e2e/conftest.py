"""A stack as `make up` runs it, and a browser, for each module of tests of the page.

Not for longer: while the browser's library runs, no other test can have an event loop, and a market takes a core.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browsing import SOON_MS, Stack, log_in
from tests.launched import Launched

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Nothing but the page itself: a browser on a closed network would spend its time looking for its maker's hosts.
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """Give the stack's settings besides the usual ones; a module may have its own."""
    return {}


@pytest.fixture(scope="module")
def stack(environment: Mapping[str, str]) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="tickmesh-page-") as name:
        Path(name).chmod(0o711)  # root's Postgres runs under another account
        launched = Launched(Path(name), "--feed", "sim:rate=3000,seed=3,profile=flat", environment=environment)
        url = launched.wait_for(r"Page +(http://\S+)")[1]
        email, password = launched.wait_for(r"Demo login +(\S+) +password +(\S+)").groups()
        yield Stack(launched, url, email, password)
        if launched.process.poll() is None:
            assert launched.end(signal.SIGTERM) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        message = "no chromium on PATH (Debian: apt install chromium)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Open the page logged in, its market live."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(SOON_MS)
    expect.set_options(timeout=SOON_MS)
    page.goto(stack.page_url)
    log_in(page, stack.email, stack.password)
    expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "live")
    yield page
    context.close()
