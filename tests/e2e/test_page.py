"""The page in a real browser, on the stack that `make up` runs."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import SOON_MS, Stack, log_in, value, wait_until_it_moves

pytestmark = pytest.mark.timeout(180)


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
    row = page.locator('tr[data-symbol="XNAS:NVDA"]')
    bid, ask = row.evaluate(
        "row => ['bid', 'ask'].map(name => Number(row.querySelector(`[data-field=${name}]`).dataset.value))"
    )
    assert 0 < bid < ask


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
