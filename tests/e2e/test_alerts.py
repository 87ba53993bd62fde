"""Alerts in a real browser: made, fired by real trades, announced, kept, and sent where their user wants them."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Locator, Page, expect

from tests.browsing import SOON_MS, Stack
from tests.notify_receivers import MailServer

pytestmark = pytest.mark.timeout(180)

SYMBOL = "XNAS:NVDA"
OTHER = "XNAS:AAPL"
THIRD = "XNAS:TSLA"
SMALLEST_MOVE = "0.001"  # per cent: less than one step of any price here


@pytest.fixture
def alerts(page: Page) -> Page:
    """Open the section of alerts."""
    page.locator('[data-section="alerts"]').click()
    expect(page.get_by_test_id("alerts")).to_have_attribute("data-view", "list")
    return page


def open_form(page: Page, symbol: str) -> Locator:
    """Begin a new alert."""
    page.locator('[data-action="create-alert"]').click()
    form = page.get_by_test_id("alert-form")
    form.get_by_label("Symbol").fill(symbol)
    return form


def save(form: Locator) -> None:
    """Send the form and see it go."""
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)


def row(page: Page, symbol: str) -> Locator:
    """Find the newest alert on a symbol."""
    return page.get_by_test_id("alert-list").locator(f'tr[data-symbol="{symbol}"]').first


def open_view(page: Page, view: str) -> None:
    page.locator(f'.alerts-head [data-view="{view}"]').click()
    expect(page.get_by_test_id("alerts")).to_have_attribute("data-view", view)


def last_price(page: Page, symbol: str) -> float:
    """Read a price from the watchlist."""
    cell = page.locator(f'tr[data-symbol="{symbol}"] [data-field="last"]')
    expect(cell).to_have_attribute("data-value", re.compile("."))
    return float(cell.get_attribute("data-value") or 0)


def unseen(page: Page, stack: Stack) -> dict[str, Any]:
    """Ask the platform what its user has not seen."""
    found: dict[str, Any] = page.request.get(f"{stack.page_url}alerts/unseen", headers=authorized(page, stack)).json()
    return found


def authorized(page: Page, stack: Stack) -> dict[str, str]:
    """Log in beside the page."""
    login = page.request.post(f"{stack.page_url}auth/login", data={"email": stack.email, "password": stack.password})
    return {"authorization": f"Bearer {login.json()['access_token']}"}


def test_an_alert_is_refused_previewed_made_and_fires(alerts: Page, stack: Stack) -> None:
    page = alerts
    form = open_form(page, "nvd")
    page.get_by_test_id("search-results").locator(f'[data-symbol="{SYMBOL}"]').wait_for()
    form.get_by_label("Symbol").press("Enter")
    expect(form.get_by_label("Symbol")).to_have_value(SYMBOL)
    form.get_by_label("When it").select_option("CHANGE_PCT")
    form.get_by_label("Percent").fill("1001")
    expect(form.locator('[data-field="threshold"]')).to_contain_text("at most 1000")
    expect(form.get_by_label("Percent")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Percent").fill(SMALLEST_MOVE)
    form.get_by_label("Counted from").select_option("created")
    form.get_by_label("Note").fill("the first move")
    expect(form.get_by_test_id("rule-preview")).to_have_attribute("data-count", re.compile(r"\d"))
    expect(form.get_by_test_id("to-go")).to_contain_text("Now at")
    form.get_by_label("Note").press("Enter")
    expect(form).to_have_count(0)

    toast = page.get_by_test_id("toasts").locator(f'[data-symbol="{SYMBOL}"]')
    expect(toast).to_contain_text(re.compile(r"NVDA (rose|fell) by 0.001% to .*the first move"))
    expect(page.get_by_test_id("unseen")).to_have_attribute("data-count", "1")
    expect(row(page, SYMBOL)).to_have_attribute("data-state", "fired")
    expect(row(page, SYMBOL).locator('[data-field="state"]')).to_contain_text(re.compile(r"at \d+\.\d\d, "))
    firing = toast.get_attribute("data-firing")
    with page.expect_response(lambda response: response.url.endswith("/alerts/seen")) as told:
        toast.get_by_role("link").click()
    kept = page.get_by_test_id("firings").locator(f'[data-firing="{firing}"]')
    expect(kept).to_have_attribute("data-new", "")
    expect(kept).to_have_attribute("data-outcome", "sent")
    assert float(kept.get_attribute("data-price") or 0) > 0
    expect(page.get_by_test_id("unseen")).to_have_count(0)
    expect(page.get_by_test_id("toasts").locator("li")).to_have_count(0)
    assert told.value.status == 204
    assert unseen(page, stack) == {"firings": [], "total": 0}
    page.reload()
    expect(kept).not_to_have_attribute("data-new", "")


def test_an_alert_is_made_on_the_chart_and_changed_in_the_list(page: Page) -> None:
    page.locator(f'tr[data-symbol="{OTHER}"]').click()
    chart = page.get_by_test_id("chart")
    expect(chart).not_to_have_attribute("data-bars", "0")
    before = last_price(page, OTHER)
    form = point_at_a_price(page)
    expect(form.get_by_label("Symbol")).to_have_value(OTHER)
    price = float(form.get_by_label("Price").input_value())
    assert abs(price / before - 1) < 0.1
    # Far away, so that it stays armed; the condition follows the price.
    form.get_by_label("Price").fill(f"{before / 2:.2f}")
    expect(form.get_by_label("When it")).to_have_value("BELOW")
    save(form)
    expect(chart).to_have_attribute("data-alerts", "1")

    page.locator('[data-section="alerts"]').click()
    made = row(page, OTHER)
    expect(made).to_have_attribute("data-state", "armed")
    expect(made.locator('[data-field="distance"]')).to_have_attribute("data-value", re.compile("^-4|^-5"))
    made.locator('[data-action="pause"]').click()
    expect(made).to_have_attribute("data-state", "paused")
    made.locator('[data-action="resume"]').click()
    expect(made).to_have_attribute("data-state", "armed")
    made.locator('[data-action="edit"]').click()
    form = page.get_by_test_id("alert-form")
    form.get_by_label("Price").fill("1.25")
    form.get_by_label("How often").select_option("every_cross")
    form.get_by_label("Then quiet for").select_option("900")
    save(form)
    expect(made.locator('[data-field="rule"]')).to_contain_text("Falls to 1.25")
    expect(made.locator('[data-field="repeat"]')).to_contain_text("Every time, quiet 15 min")
    made.locator('[data-action="delete"]').click()
    page.get_by_test_id("confirm").locator("button[type=submit]").click()
    expect(page.locator(f'tr[data-symbol="{OTHER}"][data-alert]')).to_have_count(0)


def point_at_a_price(page: Page) -> Locator:
    """Move over the chart until the bell is there, and press it."""
    box = page.locator(".chart-canvas").bounding_box()
    assert box is not None
    bell = page.locator('[data-action="price-alert"]')
    expect(bell).to_be_attached()
    for step in range(50):
        page.mouse.move(box["x"] + box["width"] * 0.6 + step, box["y"] + box["height"] * 0.4)
        if bell.is_visible():
            break
    bell.click()
    return page.get_by_test_id("alert-form")


def test_one_that_is_true_already_waits_or_fires_as_its_user_says(alerts: Page) -> None:
    page = alerts
    form = open_form(page, OTHER)
    form.get_by_label("When it").select_option("ABOVE")
    form.get_by_label("Price").fill("1")
    expect(form.get_by_text("The price is there already")).to_be_visible()
    form.locator("button[type=submit]").click()
    expect(form.get_by_test_id("form-error")).not_to_be_empty()
    form.get_by_label("Wait until").check()
    save(form)
    expect(row(page, OTHER)).to_have_attribute("data-state", "waiting")

    form = open_form(page, OTHER)
    form.get_by_label("When it").select_option("ABOVE")
    form.get_by_label("Price").fill("2")
    form.get_by_label("Fire at once").check()
    save(form)
    expect(page.get_by_test_id("toasts").locator(f'[data-symbol="{OTHER}"]')).to_contain_text("AAPL rose to")
    fired = row(page, OTHER)
    expect(fired).to_have_attribute("data-state", "fired")
    fired.locator('[data-action="rearm"]').click()
    expect(fired).to_have_attribute("data-state", "waiting")
    fired.locator('[data-action="history"]').click()
    expect(page.locator("dialog").get_by_test_id("firings").locator("li")).to_have_count(1)
    page.keyboard.press("Escape")
    page.get_by_test_id("toasts").locator('[data-action="dismiss"]').click()
    expect(page.get_by_test_id("unseen")).to_have_count(0)


def test_what_fires_while_the_connection_is_away_is_announced_when_it_is_back(page: Page, stack: Stack) -> None:
    heard: list[str] = []
    page.on("websocket", lambda stream: stream.on("framereceived", lambda frame: heard.append(str(frame))))
    page.add_init_script(
        "window.streams = []; window.isAway = false; window.WebSocket = class extends WebSocket {"
        " constructor(url, names) {"
        " super(window.isAway ? 'ws://127.0.0.1:9' : url, names); window.streams.push(this) } }"
    )
    page.reload()
    wait_until(page, lambda: any('"type":"alerts"' in frame for frame in heard), "no alerts on the stream")
    page.evaluate("window.isAway = true; window.streams.at(-1).close()")
    expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "reconnecting")
    rule = {"symbol": THIRD, "condition": "BELOW", "threshold": 100_000, "if_true": "fire"}
    made = page.request.post(f"{stack.page_url}alerts", data=rule, headers=authorized(page, stack))
    assert made.ok, made.text()
    expect(page.get_by_test_id("toasts").locator("li")).to_have_count(0)
    page.evaluate("window.isAway = false")
    expect(page.get_by_test_id("toasts").locator(f'[data-symbol="{THIRD}"]')).to_contain_text("TSLA fell to")


def test_a_mail_address_is_verified_tried_and_told(alerts: Page, controller: Controller) -> None:
    page, mail = alerts, controller.handler
    assert isinstance(mail, MailServer)
    open_view(page, "channels")
    page.locator('[data-add="email"]').click()
    form = page.get_by_test_id("channel-form")
    form.get_by_label("Address").fill("nobody")
    form.locator("button[type=submit]").click()
    expect(form.locator('[data-field="address"] .field-error')).not_to_be_empty()
    form.get_by_label("Address").fill("ada@example.com")
    mail.refusals.append("550 no such user")
    save(form)
    card = page.get_by_test_id("channels").locator('[data-kind="email"]')
    trouble = card.get_by_test_id("channel-trouble")
    expect(trouble).to_have_text("The code has not arrived: the mail server: 550 no such user.")
    card.locator('[data-action="send-code"]').click()
    expect(trouble).to_have_count(0)
    code = wait_for_mail(page, mail, r"(\d{6}) is your Tickmesh code")[1]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for given in (wrong, code):
        expect(card).to_have_attribute("data-state", "unverified")
        card.get_by_label("6 digits").fill(given)
        card.get_by_role("button", name="Verify").click()
        if given == wrong:
            expect(card.locator('[data-field="code"]')).to_contain_text("4 more")
    expect(card).to_have_attribute("data-state", "verified")
    card.locator('[data-action="test-channel"]').click()
    expect(card.locator("[data-test]")).to_have_attribute("data-test", "sent")
    wait_for_mail(page, mail, "Tickmesh: a test")

    form = open_form(page, SYMBOL)
    form.get_by_label("When it").select_option("CHANGE_PCT")
    form.get_by_label("Counted from").select_option("created")
    form.get_by_label("Percent").fill(SMALLEST_MOVE)
    form.get_by_label("ada@example.com").check()
    save(form)
    wait_for_mail(page, mail, r"NVDA is (up|down) 0.001 % or more")
    card.locator('[data-action="remove-channel"]').click()
    page.get_by_test_id("confirm").locator("button[type=submit]").click()
    expect(card).to_have_count(0)


def wait_for_mail(page: Page, mail: MailServer, pattern: str) -> re.Match[str]:
    """Wait for a message with this subject."""
    wait_until(page, lambda: first_mail(mail, pattern) is not None, f"no mail about {pattern!r}")
    found = first_mail(mail, pattern)
    assert found is not None
    return found


def first_mail(mail: MailServer, pattern: str) -> re.Match[str] | None:
    matches = (re.search(pattern, message["subject"]) for message in mail.messages)
    return next((match for match in matches if match), None)


def wait_until(page: Page, is_so: Callable[[], bool], otherwise: str) -> None:
    """Wait for something that the page does not show, while the browser's own events go on."""
    deadline = time.monotonic() + SOON_MS / 1000
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        page.wait_for_timeout(50)


def test_a_push_is_shown_by_the_service_worker(alerts: Page, stack: Stack) -> None:
    page = alerts
    page.context.grant_permissions(["notifications"])
    open_view(page, "channels")
    session = page.context.new_cdp_session(page)
    registrations: list[dict[str, Any]] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    page.locator('[data-add="webpush"]').click()
    # A browser of tests reaches no push service; what is up to the page is there, and the user is told the rest.
    expect(page.get_by_test_id("push-problem")).to_contain_text("push service")
    message = '{"title": "NVDA is up", "body": "traded at 180.10", "tag": "7", "url": "/#alerts/history"}'
    target = {"origin": stack.page_url.rstrip("/"), "registrationId": registrations[-1]["registrationId"]}
    session.send("ServiceWorker.deliverPushMessage", {**target, "data": message})
    page.wait_for_function(
        "async () => { const ready = await navigator.serviceWorker.ready;"
        " const [shown] = await ready.getNotifications({tag: '7'});"
        " return shown?.title === 'NVDA is up' && shown.body === 'traded at 180.10' }"
    )


def test_what_the_limit_keeps_back_is_in_the_history_at_once_and_not_announced(alerts: Page, stack: Stack) -> None:
    page = alerts
    open_view(page, "history")
    kept_back = page.get_by_test_id("firings").locator('[data-outcome="limit"]')
    expect(kept_back).to_have_count(0)
    rule = {"symbol": OTHER, "condition": "BELOW", "threshold": 100_000, "if_true": "fire"}
    for _ in range(11):  # ten of an hour are sent, those before included
        made = page.request.post(f"{stack.page_url}alerts", data=rule, headers=authorized(page, stack))
        assert made.ok, made.text()
    expect(kept_back.first).to_contain_text("Not sent: too many within an hour")
    newest = kept_back.first.get_attribute("data-firing")
    expect(page.get_by_test_id("toasts").locator(f'[data-firing="{newest}"]')).to_have_count(0)
