"""Which channels an installation offers: the same for the gateway, which says so, and the worker, which sends."""

from mesh.notify.kinds import Kind
from mesh.settings import PREFIX, MeshSettings


class ChannelSettings(MeshSettings, frozen=True, kw_only=True):
    """Settings of every process that has to do with channels. None of them is a secret."""

    notify_kinds: str = "webhook"  # comma-separated
    notify_private_addresses: bool = False  # webhooks and push services may be in this very network
    vapid_public_key: str = ""
    apprise_schemes: str = ""  # comma-separated, of Apprise's URLs

    def __post_init__(self) -> None:
        """Refuse kinds that there are not."""
        super().__post_init__()
        known = {kind.value for kind in Kind}
        for name in _listed(self.notify_kinds):
            if name not in known:
                raise ValueError(f"{PREFIX}NOTIFY_KINDS: {name!r} is none of {', '.join(sorted(known))}")
        if Kind.WEBPUSH in self.kinds and not self.vapid_public_key:
            raise ValueError(f"{PREFIX}NOTIFY_KINDS has webpush, and {PREFIX}VAPID_PUBLIC_KEY is not set")

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of channels that users may have."""
        return frozenset(map(Kind, _listed(self.notify_kinds)))

    @property
    def allowed_schemes(self) -> frozenset[str]:
        """The schemes of Apprise's URLs that users may have."""
        return frozenset(_listed(self.apprise_schemes))


def _listed(text: str) -> list[str]:
    return [name.strip().lower() for name in text.split(",") if name.strip()]
