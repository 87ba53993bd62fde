"""Web push: encrypted for one browser, signed with this installation's VAPID key. RFC 8030, 8188, 8291 and 8292."""

import binascii
import time

import msgspec
from py_vapid import Vapid02  # type: ignore[import-untyped]  # it ships no annotations
from pywebpush import WebPusher, WebPushException  # type: ignore[import-untyped]  # nor does it

from mesh.notify.bodies import Fired
from mesh.notify.store import Channel
from workers.notify.adapters.protocol import Parcel
from workers.notify.outcome import Refused
from workers.notify.posting import Poster
from workers.notify.provider import host_of
from workers.notify.words import HISTORY

KEPT_S = 86_400  # by the push service, for a browser that is away
_TOKEN_S = 12 * 3600


class WebPush:
    """Posts to the push service of a user's browser."""

    def __init__(self, poster: Poster, at_once: int, private_key: str, subject: str) -> None:
        self._poster = poster
        self._key = Vapid02.from_raw(private_key.encode())
        self._subject = subject
        self.at_once = at_once

    def provider(self, channel: Channel) -> str:
        """Name the push service."""
        return host_of(channel.address)

    async def send(self, parcel: Parcel) -> None:
        """Encrypt and post it. A newer one replaces one with the same topic that the browser has not got yet."""
        claims = {"sub": self._subject, "aud": _origin(parcel.channel.address), "exp": int(time.time()) + _TOKEN_S}
        headers = {
            **self._key.sign(claims),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(KEPT_S),
            "Urgency": "high",
            "Topic": parcel.id.hex,
        }
        await self._poster.post(parcel.channel.address, headers, _encrypted(parcel))


def payload(parcel: Parcel) -> bytes:
    """Write what the page's service worker reads; it takes `url` for one of the very address it came from."""
    tag = parcel.body.id if isinstance(parcel.body, Fired) else parcel.id
    words = parcel.words
    return msgspec.json.encode({"title": words.title, "body": words.summary, "tag": str(tag), "url": HISTORY})


def _encrypted(parcel: Parcel) -> bytes:
    channel = parcel.channel
    try:
        pusher = WebPusher({"endpoint": channel.address, "keys": channel.settings})
        return bytes(pusher.encode(payload(parcel), "aes128gcm")["body"])
    except (WebPushException, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise Refused(f"the subscription's keys: {str(error) or type(error).__name__}") from None


def _origin(url: str) -> str:
    return url.partition("://")[0] + "://" + host_of(url)
