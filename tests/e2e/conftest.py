"""One stack as `make up` runs it, one mail server and one browser, for all tests of the page.

Not for longer: while the browser's library runs, no other test can have an event loop, and a market takes a core. This
one is no busier than a page needs. Modules come in the order of their names, the one that kills parts of the stack
last; each leaves behind no alert that could fire while another looks at the page.
"""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browsing import SOON_MS, Stack, log_in
from tests.launched import Launched
from tests.notify_receivers import MailServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Nothing but the page itself: a browser on a closed network would spend its time looking for its maker's hosts.
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
FEED = "sim:rate=1000,seed=3,profile=flat,depth_ms=500,slice_ms=20"


@pytest.fixture(scope="package")
def controller() -> Iterator[Controller]:
    """Run a mail server beside the browser, whose library takes this thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(MailServer(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture(scope="package")
def stack(controller: Controller) -> Iterator[Stack]:
    environment = {"TICKMESH_SMTP_URL": f"smtp://127.0.0.1:{controller.port}"}
    with tempfile.TemporaryDirectory(prefix="tickmesh-page-") as name:
        Path(name).chmod(0o711)  # root's Postgres runs under another account
        launched = Launched(Path(name), "--feed", FEED, environment=environment)
        url = launched.wait_for(r"Page +(http://\S+)")[1]
        email, password = launched.wait_for(r"Demo login +(\S+) +password +(\S+)").groups()
        yield Stack(launched, url, email, password)
        if launched.process.poll() is None:
            assert launched.end(signal.SIGTERM) == 0


@pytest.fixture(scope="package")
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
