"""The chart in a real browser: what it draws is what the platform answers."""

import asyncio
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from market.candles.candles import Candles
from market.candles.timeframe import Session, Timeframe
from market.symbols import SymbolKey
from mesh.candles.writer import CandleWriter
from tests.browsing import SOON_MS, Stack, find_process

pytestmark = pytest.mark.timeout(180)

SYMBOL = "XNAS:NVDA"
OLD_DAYS = 700
FIRST_DAY = datetime(2023, 1, 2, tzinfo=UTC)
DRAWN = ("t", "o", "h", "l", "c", "v")

Figures = Mapping[str, Any]


@pytest.fixture
def chart(page: Page) -> Page:
    """Open the details of one symbol, its chart there with the minutes."""
    page.locator(f'tr[data-symbol="{SYMBOL}"]').click()
    expect(page.get_by_test_id("chart")).to_have_attribute("data-symbol", SYMBOL)
    page.locator('button[data-interval="1m"]').click()
    wait_until(page, "Number(chart.bars) > 0 && chart.interval === '1m'")
    return page


def wait_until(page: Page, condition: str, arg: object = None) -> None:
    """Wait for something that is said of `chart`, which is what the page tells of the drawing."""
    page.wait_for_function(
        "([given, arg]) => { const chart = document.querySelector('[data-testid=chart]').dataset;"
        " return new Function('chart', 'arg', 'return ' + given)(chart, arg) }",
        arg=[condition, arg],
    )


def drawn(page: Page) -> Figures:
    """Read what the library holds as its last candle."""
    data = page.get_by_test_id("chart").evaluate("each => ({...each.dataset})")
    return {name: float(data[f"last{name.upper()}"]) for name in DRAWN} | {"bars": int(data["bars"])}


class Api:
    """The platform's own answers."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self._page, self._url = page, stack.page_url.rstrip("/")
        login = page.request.post(f"{self._url}/auth/login", data={"email": stack.email, "password": stack.password})
        self._headers = {"authorization": f"Bearer {login.json()['access_token']}"}

    def candles(self, symbol: str, **query: object) -> Figures:
        """Ask for candles."""
        words = {name: str(value) for name, value in query.items()}
        answer = self._page.request.get(f"{self._url}/candles/{symbol}", params=words, headers=self._headers)
        assert answer.ok, answer.text()
        figures: Figures = answer.json()
        return figures


def test_the_last_candle_drawn_is_the_last_one_answered(chart: Page, stack: Stack) -> None:
    api = Api(chart, stack)
    for _ in range(50):
        answered = api.candles(SYMBOL, interval="1m", limit=1)
        shown = drawn(chart)
        # The market moves on between the two: then both are asked again.
        if all(shown[name] == answered[name][-1] for name in DRAWN):
            return
    pytest.fail(f"drawn {shown}, answered {answered}")


def test_the_last_candle_moves(chart: Page) -> None:
    before = drawn(chart)
    wait_until(
        chart,
        "chart.lastT > arg.t || Number(chart.lastV) > arg.v",
        {"t": before["t"], "v": before["v"]},
    )


def test_candles_of_every_length(chart: Page, stack: Stack) -> None:
    api = Api(chart, stack)
    for interval in ("5m", "15m", "1h", "1d", "1w", "1M"):
        chart.locator(f'button[data-interval="{interval}"]').click()
        wait_until(chart, "chart.interval === arg && Number(chart.bars) > 0", interval)
        assert drawn(chart)["t"] == api.candles(SYMBOL, interval=interval, limit=1)["t"][-1]
    expect(chart.get_by_test_id("chart-words")).to_be_empty()


def test_the_chart_scrolls_back_without_a_jump(chart: Page, stack: Stack) -> None:
    keep_old_days(stack, SYMBOL)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    chart.route(re.compile(r"/candles/.*end="), hold)
    chart.locator('button[data-interval="1d"]').click()
    wait_until(chart, "chart.interval === '1d' && Number(chart.bars) === 500")
    box = chart.locator(".chart-canvas").bounding_box()
    assert box is not None
    for _ in range(30):  # drags, each shorter than what is asked for in advance
        if held:
            break
        chart.mouse.move(box["x"] + 100, box["y"] + 100)
        chart.mouse.down()
        chart.mouse.move(box["x"] + 300, box["y"] + 100, steps=3)
        chart.mouse.up()
    left_edge = "() => document.querySelector('[data-testid=chart]').dataset.leftT"
    before = chart.evaluate(left_edge)
    held.pop().continue_()
    wait_until(chart, "Number(chart.bars) > 500")
    assert chart.evaluate(left_edge) == before


def test_indicators_are_those_of_the_api(chart: Page, stack: Stack) -> None:
    keep_old_days(stack, SYMBOL)
    chart.locator('button[data-interval="1d"]').click()
    wait_until(chart, "chart.interval === '1d' && Number(chart.bars) >= 500")
    panes = chart.locator(".chart-canvas tr")
    before = panes.count()
    for name in ("sma", "ema", "bbands", "rsi", "macd"):
        chart.locator(f'[data-indicator="{name}"]').click()
    legend = chart.get_by_test_id("chart-legend")
    expect(legend).to_contain_text(re.compile(r"RSI 14\s*[\d.]+"))
    chart.wait_for_function(
        "least => document.querySelectorAll('.chart-canvas tr').length >= least",
        arg=before + 4,  # two panes, and a line above each
    )
    # The first candle in sight closed long ago: its figures stand still.
    last = str(int(drawn(chart)["t"]))
    late_s, step = time.monotonic() + SOON_MS / 1000, 0
    while legend.get_attribute("data-t") == last:  # panes that were just added may still move under the pointer
        assert time.monotonic() < late_s, "the legend stays with the last candle"
        chart.locator(".chart-canvas").scroll_into_view_if_needed()
        box = chart.locator(".chart-canvas").bounding_box()
        assert box is not None
        step = 1 - step
        # Below the legend, which has a line for each indicator, and above the panes of RSI and MACD.
        chart.mouse.move(box["x"] + 50 + step, box["y"] + 0.4 * box["height"])
        chart.evaluate("() => new Promise(requestAnimationFrame)")
    start = int(legend.get_attribute("data-t") or 0)
    given = Api(chart, stack).candles(
        SYMBOL, interval="1d", start=start, limit=1, indicators="sma:20,ema:50,bbands:20:2,rsi:14,macd:12:26:9"
    )
    wanted = [column[0] for columns in given["indicators"].values() for column in columns.values()]
    shown = [
        text.replace("\N{MINUS SIGN}", "-").replace(",", "")
        for text in legend.locator("p:nth-child(2) b").all_inner_texts()
    ]
    assert [float(text) for text in shown] == pytest.approx(wanted, abs=0.006)


def keep_old_days(stack: Stack, symbol: str) -> None:
    """Give a symbol the daily candles of two years before its trading began here."""
    gateway = find_process(stack.launched.process.pid, b"-m\0gateway")
    environment = Path(f"/proc/{gateway}/environ").read_bytes()
    settings = dict(each.split("=", 1) for each in environment.decode().split("\0") if "=" in each)
    with ThreadPoolExecutor(1) as pool:  # this thread has the browser's loop
        pool.submit(asyncio.run, _write(settings["TICKMESH_POSTGRES_DSN"], SymbolKey.parse(symbol))).result()


async def _write(dsn: str, key: SymbolKey) -> None:
    random = np.random.default_rng(5)
    close = np.round(100 + np.cumsum(random.normal(0, 1, OLD_DAYS)).clip(-60), 2)
    starts = [FIRST_DAY + timedelta(days=day) for day in range(OLD_DAYS)]
    candles = Candles.of(
        OLD_DAYS,
        instrument=1,
        timeframe=Timeframe.D1,
        session=Session.REGULAR,
        start_ns=np.array([int(start.timestamp()) for start in starts], np.int64) * 1_000_000_000,
        trades=10,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume_whole=1000,
        turnover_whole=np.floor(close * 1000),
    )
    writer = CandleWriter(dsn, lambda number: key)
    await writer.write(candles)
    await writer.close()
