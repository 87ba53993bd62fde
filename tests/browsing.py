"""What tests of the page share: the stack that they look at, and how a user comes in."""

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.launched import Launched

SOON_MS = 20_000


@dataclass(frozen=True)
class Stack:
    """A running stack, and its demo login."""

    launched: Launched
    page_url: str
    email: str
    password: str


def log_in(page: Page, email: str, password: str) -> None:
    """Fill the login form and send it."""
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


def find_process(ancestor: int, words: bytes) -> int:
    """Find the process under a launcher whose command line holds `words`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _matches(entry, ancestor, words)):
            return found
    raise AssertionError(f"no process with {words!r} under {ancestor}")


def _matches(entry: Path, ancestor: int, words: bytes) -> int:
    try:
        parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        return int(entry.name) if parent == ancestor and words in (entry / "cmdline").read_bytes() else 0
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended meanwhile
