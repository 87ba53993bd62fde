"""What a notify worker is told."""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

from msgspec import Meta

from mesh.notify.kinds import Kind
from mesh.notify.settings import ChannelSettings
from mesh.settings import PREFIX
from workers.notify.smtp import SmtpServer
from workers.notify.vapid import public_of

Read = TypeVar("Read")

_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")

NEEDS = {
    Kind.EMAIL: "smtp_url",
    Kind.WEBPUSH: "vapid_private_key",
    Kind.SMS: "sms_url",
    Kind.APPRISE: "apprise_schemes",
}


class NotifySettings(ChannelSettings, frozen=True, kw_only=True):
    """Settings of `python -m workers.notify`."""

    postgres_dsn: Annotated[str, Meta(min_length=1)]
    smtp_url: str = ""
    smtp_from: str = "Tickmesh <alerts@localhost>"
    page_url: str = ""  # the public address of the page; mails link to it
    vapid_private_key: str = ""
    vapid_subject: str = "mailto:admin@localhost"  # whom push services may write to
    sms_url: str = ""  # of Apprise, with {number} in it
    notify_at_once: Annotated[int, Meta(ge=1, le=200)] = 16  # of each kind
    notify_timeout_s: Annotated[float, Meta(gt=0, le=120)] = 15.0
    notify_retry_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    notify_redeliver_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    notify_pause_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    notify_forgotten_s: Annotated[float, Meta(ge=0.5, le=3600)] = 30.0

    def __post_init__(self) -> None:
        """Refuse a kind that is offered and cannot be sent, and what could be seen to fail only when it is."""
        super().__post_init__()
        for kind, needed in NEEDS.items():
            if kind in self.kinds and not getattr(self, needed):
                raise ValueError(f"{PREFIX}NOTIFY_KINDS has {kind}, and {PREFIX}{needed.upper()} is not set")
        if self.smtp_url:
            _checked("SMTP_URL", SmtpServer.of, self.smtp_url)
        if self.page_url:
            _checked("PAGE_URL", origin, self.page_url)
        if self.vapid_private_key:
            public = _checked("VAPID_PRIVATE_KEY", public_of, self.vapid_private_key)
            if public != self.vapid_public_key:
                raise ValueError(f"{PREFIX}VAPID_PRIVATE_KEY: its public key is {public}, and not the one that is set")
        if self.sms_url and "{number}" not in self.sms_url:
            raise ValueError(f"{PREFIX}SMS_URL: it must have {{number}} in it")
        if self.notify_redeliver_s < 2 * self.notify_timeout_s:
            raise ValueError(f"{PREFIX}NOTIFY_REDELIVER_S must be twice {PREFIX}NOTIFY_TIMEOUT_S or more")

    @property
    def page(self) -> str:
        """The public address of the page, to which a place on it is added; empty: none is known."""
        return origin(self.page_url) if self.page_url else ""


def origin(url: str) -> str:
    """Read the address of a page that lies at the root of its server, without the last slash; raises ValueError."""
    found = _ORIGIN.fullmatch(url)
    if not found or int(found[2] or 1) not in range(1, 65536):
        raise ValueError("it must be https://host or http://host, with :port where that is another; and no path")
    return url.removesuffix("/")


def _checked(name: str, read: Callable[[str], Read], text: str) -> Read:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{PREFIX}{name}: {error}") from None
