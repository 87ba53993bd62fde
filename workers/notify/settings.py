"""What a notify worker is told."""

from typing import Annotated

from msgspec import Meta

from mesh.notify.kinds import Kind
from mesh.notify.settings import ChannelSettings
from mesh.settings import PREFIX

_NEEDS = {
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
    vapid_private_key: str = ""
    vapid_subject: str = "mailto:admin@localhost"  # whom push services may write to
    sms_url: str = ""  # of Apprise, with {number} in it
    notify_at_once: Annotated[int, Meta(ge=1, le=200)] = 16  # of each kind
    notify_timeout_s: Annotated[float, Meta(gt=0, le=120)] = 15.0
    notify_retry_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    notify_redeliver_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    notify_pause_s: Annotated[float, Meta(gt=0, le=600)] = 30.0

    def __post_init__(self) -> None:
        """Refuse a kind that is offered and cannot be sent."""
        super().__post_init__()
        for kind, needed in _NEEDS.items():
            if kind in self.kinds and not getattr(self, needed):
                raise ValueError(f"{PREFIX}NOTIFY_KINDS has {kind}, and {PREFIX}{needed.upper()} is not set")
        if self.notify_redeliver_s < 2 * self.notify_timeout_s:
            raise ValueError(f"{PREFIX}NOTIFY_REDELIVER_S must be twice {PREFIX}NOTIFY_TIMEOUT_S or more")
