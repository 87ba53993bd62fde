"""Portfolios in a real browser: what the page shows adds up, and is what the platform answers."""

import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browsing import Stack

pytestmark = pytest.mark.timeout(180)

SYMBOL = "XNAS:NVDA"

# Collects, for some frames, whether the rows add up to the totals; in whole cents, as the page's own sums would lie.
FRAMES_THAT_ADD_UP = """frames => new Promise(resolve => {
  const cents = element => BigInt(element.dataset.value.replace('.', ''));
  const sum = field => [...document.querySelectorAll(`[data-testid=holdings] tbody [data-field=${field}]`)]
    .reduce((total, cell) => total + cents(cell), 0n);
  const total = field => cents(document.querySelector(`[data-testid=totals] [data-field=${field}]`));
  const worth = () => cents(document.querySelector('.portfolio-head [data-field=total_value]'));
  const seen = new Set();
  const look = () => {
    const wrong = ['market_value', 'unrealized', 'day_change'].filter(field => sum(field) !== total(field));
    if (wrong.length > 0 || total('cash') + total('market_value') !== worth()) return resolve(wrong.concat('wrong'));
    seen.add(String(total('market_value')));
    return seen.size < frames ? requestAnimationFrame(look) : resolve('all of them');
  };
  look();
})"""


class Api:
    """The platform's own answers about one portfolio."""

    def __init__(self, page: Page, stack: Stack, portfolio: str) -> None:
        url = stack.page_url.rstrip("/")
        login = page.request.post(f"{url}/auth/login", data={"email": stack.email, "password": stack.password})
        self._headers = {"authorization": f"Bearer {login.json()['access_token']}"}
        self._page, self._url = page, f"{url}/portfolios/{portfolio}"

    def value(self) -> dict[str, Any]:
        answer = self._page.request.get(self._url, headers=self._headers)
        assert answer.ok, answer.text()
        found: dict[str, Any] = answer.json()
        return found

    def record(self, **fields: str) -> None:
        answer = self._page.request.post(f"{self._url}/holdings", data=fields, headers=self._headers)
        assert answer.ok, answer.text()


@pytest.fixture
def portfolio(page: Page) -> Page:
    """Open a new portfolio by the page's own means."""
    page.locator('[data-section="portfolios"]').click()
    page.locator('[data-action="create-portfolio"]').click()
    name = f"Savings {uuid4()}"
    page.get_by_label("Name").fill(name)
    page.get_by_test_id("create-portfolio").locator("button[type=submit]").click()
    page.get_by_test_id("portfolio-list").get_by_text(name).click()  # a command may be carried out later
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    return page


@pytest.fixture
def api(portfolio: Page, stack: Stack) -> Api:
    name = portfolio.get_by_test_id("portfolio").get_attribute("data-portfolio")
    assert name is not None
    return Api(portfolio, stack, name)


def row(page: Page, symbol: str) -> Locator:
    return page.get_by_test_id("holdings").locator(f'tr[data-symbol="{symbol}"]')


def shown(page: Page, field: str) -> str:
    """Read a total."""
    return page.get_by_test_id("totals").locator(f'[data-field="{field}"]').get_attribute("data-value") or ""


def wait_until_it_moves(page: Page, symbol: str, field: str) -> None:
    cell = row(page, symbol).locator(f'[data-field="{field}"]')
    expect(cell).not_to_have_attribute("data-value", "")
    expect(cell).not_to_have_attribute("data-value", cell.get_attribute("data-value") or "")


def test_a_purchase_is_previewed_refused_recorded_and_ticks(portfolio: Page, api: Api) -> None:
    page = portfolio
    page.locator('[data-action="record"]').click()
    form = page.get_by_test_id("transaction-form")
    form.get_by_label("Symbol").fill("nv")
    expect(page.get_by_test_id("search-results")).to_be_visible()
    form.get_by_label("Symbol").press("Escape")  # closes the list and not the form
    expect(page.get_by_test_id("search-results")).to_be_hidden()
    form.get_by_label("Symbol").fill("nvda")
    page.get_by_test_id("search-results").locator(f'[data-symbol="{SYMBOL}"]').wait_for()
    form.get_by_label("Symbol").press("Enter")
    expect(form.get_by_label("Symbol")).to_have_value(SYMBOL)
    form.get_by_label("Quantity").fill("0")
    form.get_by_label("Price").fill("170")
    expect(form.locator('[data-field="quantity"]')).to_contain_text("quantity is 0")
    expect(form.get_by_label("Quantity")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Quantity").fill("25.5")
    form.get_by_label("Commission").fill("1.25")
    expect(form.get_by_test_id("preview")).to_contain_text("\N{MINUS SIGN}4,336.25")
    form.locator("button[type=submit]").click()
    expect(row(page, SYMBOL).locator('[data-field="cost"]')).to_have_text("4,336.25")
    wait_until_it_moves(page, SYMBOL, "price")
    api.record(type="BUY", symbol="AAPL", quantity="3", price="200")
    api.record(type="DEPOSIT", price="10000")
    expect(row(page, "XNAS:AAPL")).to_be_visible()
    assert page.evaluate(FRAMES_THAT_ADD_UP, 8) == "all of them"
    assert_it_is_what_the_api_answers(page, api)


def assert_it_is_what_the_api_answers(page: Page, api: Api) -> None:
    totals = ("cash", "market_value", "unrealized", "day_change", "realized")
    for _ in range(100):
        answered = api.value()
        found = {field: shown(page, field) for field in totals}
        # The market moves on between the two: then both are asked again.
        if found == {field: answered[field] for field in totals}:
            break
    else:
        pytest.fail(f"shown {found}, answered {answered}")
    assert sum(Decimal(each["market_value"]) for each in answered["holdings"]) == Decimal(answered["market_value"])
    expect(page.get_by_test_id("holdings").locator("tbody tr")).to_have_count(len(answered["holdings"]))
    parts = page.get_by_test_id("allocation").locator('[data-by="symbol"] [data-key]')
    assert sum(float(each.get_attribute("data-percent") or 0) for each in parts.all()) == pytest.approx(100, abs=0.1)


def test_another_tab_sees_what_is_recorded_corrected_and_voided(portfolio: Page, api: Api) -> None:
    other = portfolio.context.new_page()
    other.goto(portfolio.url)
    expect(other.get_by_test_id("totals")).to_be_visible()
    api.record(type="BUY", symbol="NVDA", quantity="2", price="100")
    expect(row(other, SYMBOL).locator('[data-field="quantity"]')).to_have_text("2")
    recorded = portfolio.get_by_test_id("transactions").locator('tr[data-state="effective"]')
    recorded.locator('[data-action="correct"]').click()
    form = portfolio.get_by_test_id("transaction-form")
    form.get_by_label("Quantity").fill("5")
    form.locator("button[type=submit]").click()
    expect(row(other, SYMBOL).locator('[data-field="quantity"]')).to_have_text("5")
    expect(other.get_by_test_id("transactions").locator('tr[data-state="corrected"]')).to_have_count(1)
    recorded.locator('[data-action="void"]').click()
    portfolio.get_by_test_id("confirm").locator("button[type=submit]").click()
    expect(row(other, SYMBOL)).to_have_count(0)
    expect(other.get_by_test_id("transactions").locator('tr[data-state="voiding"]')).to_have_count(1)


def test_a_file_is_tried_each_bad_line_named_and_then_recorded(portfolio: Page, api: Api) -> None:
    good = b"type,symbol,quantity,price\nDEPOSIT,,,1000\nBUY,NVDA,2,100\n"
    portfolio.locator('[data-action="import"]').click()
    form = portfolio.get_by_test_id("import-form")
    file = {"name": "transactions.csv", "mimeType": "text/csv"}
    bad = good + b"BUY,NOBODY,1,1\nSELL,NVDA,x,1\n"
    form.get_by_label("CSV file").set_input_files({**file, "buffer": bad})  # type: ignore[arg-type]  # a FilePayload
    lines = form.get_by_test_id("line-problems").locator("tbody tr")
    expect(lines).to_have_text([re.compile("4symbol.*NOBODY"), re.compile("5quantity")])
    expect(form.locator("button[type=submit]")).to_be_disabled()
    assert api.value()["cash"] == "0.00"
    form.get_by_label("CSV file").set_input_files({**file, "buffer": good})  # type: ignore[arg-type]
    expect(form.get_by_test_id("import-rows")).to_contain_text("2 transactions")
    form.locator("button[type=submit]").click()
    expect(row(portfolio, SYMBOL)).to_be_visible()
    expect(portfolio.get_by_test_id("totals").locator('[data-field="cash"]')).to_have_attribute("data-value", "800.00")
    with portfolio.expect_download() as download:
        portfolio.locator('[data-action="export"]').click()
    exported = download.value.path().read_text().splitlines()
    assert [line.split(",")[:4] for line in exported[1:]] == [["DEPOSIT", "", "", "1000"], ["BUY", SYMBOL, "2", "100"]]


def test_a_lost_stream_is_watched_again(portfolio: Page, api: Api) -> None:
    api.record(type="BUY", symbol="NVDA", quantity="2", price="100")
    wait_until_it_moves(portfolio, SYMBOL, "price")
    portfolio.add_init_script(
        "window.streams = []; window.WebSocket = class extends WebSocket {"
        " constructor(...all) { super(...all); window.streams.push(this) } }"
    )
    portfolio.reload()
    wait_until_it_moves(portfolio, SYMBOL, "price")
    portfolio.evaluate("window.streams.at(-1).close()")
    portfolio.wait_for_function("window.streams.length > 1")
    expect(portfolio.get_by_test_id("connection-state")).to_have_attribute("data-state", "live")
    wait_until_it_moves(portfolio, SYMBOL, "price")
    api.record(type="BUY", symbol="AAPL", quantity="3", price="200")
    expect(row(portfolio, "XNAS:AAPL")).to_be_visible()
    assert portfolio.evaluate(FRAMES_THAT_ADD_UP, 3) == "all of them"
