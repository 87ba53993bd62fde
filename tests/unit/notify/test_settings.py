import pytest

from mesh.notify.kinds import Kind
from mesh.settings import SettingsError, read_settings
from workers.notify.settings import NotifySettings
from workers.notify.vapid import new_keys, public_of

BASE = {"TICKMESH_NATS_URL": "nats://x", "TICKMESH_POSTGRES_DSN": "postgresql://x"}
KEYS = new_keys()


def read(**more: str) -> NotifySettings:
    return read_settings(NotifySettings, BASE | {f"TICKMESH_{name}": value for name, value in more.items()})


def test_kinds_are_those_that_are_named() -> None:
    assert read().kinds == {Kind.WEBHOOK}
    assert read(NOTIFY_KINDS="").kinds == frozenset()
    assert read(NOTIFY_KINDS=" Webhook, email ", SMTP_URL="smtp://x").kinds == {Kind.WEBHOOK, Kind.EMAIL}
    assert read(APPRISE_SCHEMES="slack, Discord").allowed_schemes == {"slack", "discord"}


def test_the_page_is_at_the_root_of_its_server() -> None:
    assert read().page == ""
    assert read(PAGE_URL="https://tickmesh.test/").page == "https://tickmesh.test"
    assert read(PAGE_URL="http://[::1]:8080").page == "http://[::1]:8080"
    assert read(PAGE_URL="http://127.0.0.1:8080").page == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"NOTIFY_KINDS": "fax"}, "NOTIFY_KINDS: 'fax' is none of apprise, email"),
        ({"NOTIFY_KINDS": "email"}, "NOTIFY_KINDS has email, and TICKMESH_SMTP_URL"),
        ({"NOTIFY_KINDS": "sms"}, "TICKMESH_SMS_URL is not set"),
        ({"NOTIFY_KINDS": "apprise"}, "TICKMESH_APPRISE_SCHEMES is not set"),
        ({"NOTIFY_KINDS": "webpush"}, "TICKMESH_VAPID_PUBLIC_KEY is not set"),
        ({"NOTIFY_KINDS": "webpush", "VAPID_PUBLIC_KEY": KEYS.public}, "TICKMESH_VAPID_PRIVATE_KEY is not set"),
        (
            {"VAPID_PRIVATE_KEY": KEYS.private, "VAPID_PUBLIC_KEY": new_keys().public},
            f"its public key is {KEYS.public}",
        ),
        ({"VAPID_PRIVATE_KEY": "AAAA"}, "VAPID_PRIVATE_KEY: a VAPID key has 32 bytes"),
        ({"SMTP_URL": "mail.test"}, "SMTP_URL: a mail server is smtp://host"),
        ({"PAGE_URL": "tickmesh.test"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "ftp://tickmesh.test"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://tickmesh.test/page"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://tickmesh.test/?a=b"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://ada:secret@tickmesh.test"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://tickmesh.test:port"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://tickmesh.test:0"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://tickmesh.test:65536"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://[::1]:"}, "PAGE_URL: it must be https://host"),
        ({"PAGE_URL": "https://a b"}, "PAGE_URL: it must be https://host"),
        ({"SMS_URL": "twilio://a"}, "SMS_URL: it must have {number} in it"),
        ({"NOTIFY_TIMEOUT_S": "40"}, "TICKMESH_NOTIFY_REDELIVER_S must be twice"),
    ],
)
def test_what_could_not_be_sent_is_refused_at_the_start(more: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read(**more)
    assert named in str(refusal.value)


def test_keys_are_as_browsers_want_them() -> None:
    assert public_of(KEYS.private) == KEYS.public
    assert (len(KEYS.private), len(KEYS.public)) == (43, 87)
    with pytest.raises(ValueError, match="VAPID"):
        public_of(KEYS.public)
