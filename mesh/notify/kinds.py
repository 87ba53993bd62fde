"""The kinds of channels that a notification can leave by; in-app is no channel, it is always there."""

from enum import StrEnum


class Kind(StrEnum):
    """A way out of the platform; the value is in the tables, in subjects and in the API."""

    EMAIL = "email"
    WEBPUSH = "webpush"
    WEBHOOK = "webhook"
    SMS = "sms"
    APPRISE = "apprise"
