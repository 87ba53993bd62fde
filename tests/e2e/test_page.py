"""The page in a real browser, on the stack that `make up` runs."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.launched import Launched

pytestmark = pytest.mark.timeout(180)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Nothing but the page itself: a browser on a closed network would spend its time looking for its maker's hosts.
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SOON_MS = 20_000


@dataclass(frozen=True)
class Stack:
    launched: Launched
    page_url: str
    email: str
    password: str


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="tickmesh-page-") as name:
        Path(name).chmod(0o711)  # root's Postgres runs under another account
        launched = Launched(Path(name), "--feed", "sim:rate=3000,seed=3,profile=flat")
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


def log_in(page: Page, email: str, password: str) -> None:
    form = page.get_by_test_id("login-form")
    form.locator("input[name=email]").fill(email)
    form.locator("input[name=password]").fill(password)
    form.locator("button[type=submit]").click()


def value(page: Page, symbol: str, field: str) -> str:
    return page.locator(f'tr[data-symbol="{symbol}"] td[data-field="{field}"]').get_attribute("data-value") or ""


def wait_until_it_moves(page: Page, symbol: str, field: str) -> None:
    """Wait until a cell shows another number than now."""
    selector = f'tr[data-symbol="{symbol}"] td[data-field="{field}"]'
    page.wait_for_function(
        "([selector, before]) => { const now = document.querySelector(selector)?.dataset.value;"
        " return now && now !== before }",
        arg=[selector, value(page, symbol, field)],
    )


def wait_for_newer_trades(page: Page) -> None:
    """Wait until the list of trades is full, and then until it has a newer one on top."""
    selector = '[data-testid="trades"] tr[data-sequence]'
    expect(page.locator(selector)).to_have_count(20)
    page.wait_for_function(
        "([selector, before]) => Number(document.querySelector(selector)?.dataset.sequence) > before",
        arg=[selector, int(page.locator(selector).first.get_attribute("data-sequence") or 0)],
    )


def test_prices_move_on_the_watchlist(page: Page) -> None:
    for symbol in ("XNAS:AAPL", "XNAS:NVDA", "ARCX:SPY"):
        wait_until_it_moves(page, symbol, "last")
        wait_until_it_moves(page, symbol, "bid")
    assert float(value(page, "XNAS:NVDA", "bid")) < float(value(page, "XNAS:NVDA", "ask"))


def test_a_wrong_password_is_refused_in_the_servers_words(browser: Browser, stack: Stack) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(stack.page_url)
    log_in(page, stack.email, "not the password")
    expect(page.get_by_role("alert")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_test_id("login-form")).to_be_visible()
    context.close()


def test_a_symbol_is_found_by_name_added_and_removed(page: Page) -> None:
    page.keyboard.press("/")
    page.get_by_test_id("search-input").fill("coca")
    page.locator('[data-testid="search-results"] [data-symbol="XNYS:KO"]').wait_for()
    page.keyboard.press("Enter")
    row = page.locator('tr[data-symbol="XNYS:KO"]')
    page.wait_for_function(
        "() => document.querySelector('tr[data-symbol=\"XNYS:KO\"] td[data-field=last]')?.dataset.value > 0"
    )
    row.hover()
    row.locator('[data-action="remove"]').click()
    expect(row).to_have_count(0)


def test_the_detail_shows_book_and_trades_as_they_come(page: Page) -> None:
    page.locator('tr[data-symbol="ARCX:SPY"]').click()
    expect(page.get_by_test_id("detail")).to_contain_text("SPY")
    for side in ("depth-bids", "depth-asks"):
        prices = page.get_by_test_id(side).locator('td.price:not([data-value=""])')
        expect(prices).to_have_count(10)
    wait_for_newer_trades(page)


def test_the_detail_follows_the_selection(page: Page) -> None:
    for symbol in ("ARCX:SPY", "XNAS:NVDA"):
        page.locator(f'tr[data-symbol="{symbol}"]').click()
        expect(page.get_by_test_id("detail")).to_have_attribute("data-symbol", symbol)
        wait_for_newer_trades(page)
        best = float(page.get_by_test_id("depth-bids").locator("td.price").first.get_attribute("data-value") or 0)
        assert best == pytest.approx(float(value(page, symbol, "bid")), rel=0.01)


def test_the_page_says_reconnecting_and_comes_back_by_itself(page: Page, stack: Stack) -> None:
    state = page.get_by_test_id("connection-state")
    for process, states in ((b"-m\0gateway", "reconnecting"), (b"nats.conf", "upstream-reconnecting")):
        page.evaluate(
            "() => { window.seen = []; const at = document.querySelector('[data-testid=connection-state]');"
            " new MutationObserver(() => window.seen.push(at.dataset.state)).observe(at, {attributes: true}) }"
        )
        os.kill(find_process(stack.launched.process.pid, process), signal.SIGKILL)
        page.wait_for_function("state => window.seen.includes(state)", arg=states)
        expect(state).to_have_attribute("data-state", "live")
        wait_until_it_moves(page, "XNAS:NVDA", "last")


def find_process(ancestor: int, words: bytes) -> int:
    """Find the process under a launcher whose command line holds `words`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := matches(entry, ancestor, words)):
            return found
    raise AssertionError(f"no process with {words!r} under {ancestor}")


def matches(entry: Path, ancestor: int, words: bytes) -> int:
    try:
        parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        return int(entry.name) if parent == ancestor and words in (entry / "cmdline").read_bytes() else 0
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended meanwhile
