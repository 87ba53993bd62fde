"""`docs/notifications.md` against the code: kinds and what they need, figures, and the verifier that readers copy."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from mesh.notify.kinds import Kind
from mesh.notify.signatures import new_secret, signature
from mesh.settings import PREFIX
from workers.notify import backoff, breaker, posting
from workers.notify.adapters import webhook
from workers.notify.settings import NEEDS, NotifySettings

PAGE = "docs/notifications.md"
TableUnder = Callable[[str, str], list[list[str]]]


def test_kinds_and_what_they_need(table_under: TableUnder) -> None:
    documented = {row[0].strip("`"): row[3].strip("`") for row in table_under(PAGE, "Kinds")}
    assert documented == {kind.value: PREFIX + NEEDS[kind].upper() if kind in NEEDS else "" for kind in Kind}


def test_figures_are_those_of_the_code(lines_under: Callable[[str, str], list[str]]) -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(NotifySettings)}
    lines = "\n".join(lines_under(PAGE, "Delivery"))
    assert re.findall(r"^\| [^|]+ \| (\d+) \|$", lines, re.MULTILINE) == [
        f"{figure:g}" if figure < 10_000 else str(figure)
        for figure in (
            backoff.MAX_ATTEMPTS,
            defaults["notify_retry_s"],
            backoff.MAX_DELAY_S,
            breaker.FAILURES,
            defaults["notify_pause_s"],
            breaker.MAX_PAUSE_S,
            defaults["notify_at_once"],
            defaults["notify_timeout_s"],
            posting.MOST_READ_BYTES,
        )
    ]


def test_types_of_webhooks(root: Path) -> None:
    text = (root / PAGE).read_text()
    for name in webhook.TYPES.values():
        assert f"`{name}`" in text


def test_the_verifier_that_readers_copy_tells_ours_from_others(
    root: Path, code_in: Callable[[str], list[tuple[str, str]]]
) -> None:
    (source,) = (text for language, text in code_in((root / PAGE).read_text()) if language == "python")
    names: dict[str, Callable[..., bool]] = {}
    exec(compile(source, PAGE, "exec"), names)  # noqa: S102  # it is the documentation's own
    verified, secret, body, at_s = names["verified"], new_secret(), b'{"type":"test"}', 1_772_461_800
    signed = signature(secret, "id-1", at_s, body)
    headers = {"webhook-id": "id-1", "webhook-timestamp": str(at_s), "webhook-signature": f"v1,AAAA {signed}"}
    assert verified(secret, headers, body, at_s + 299)
    assert not verified(secret, headers, body, at_s + 301)
    assert not verified(secret, headers, body + b" ", at_s)
    assert not verified(new_secret(), headers, body, at_s)
    assert not verified(secret, headers | {"webhook-id": "id-2"}, body, at_s)
    assert not verified(secret, headers | {"webhook-signature": "v1,AAAA"}, body, at_s)
