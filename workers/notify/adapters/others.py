"""Everything that Apprise knows: SMS through the operator's account, or a service of the user's own.

Apprise says whether a message was taken and not why, so a refusal is tried again, and each channel is a provider of its
own: one wrong token must not cut off everybody else.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import apprise

from mesh.notify.kinds import Kind
from mesh.notify.store import Channel
from workers.notify.adapters.protocol import Parcel
from workers.notify.outcome import Refused, Unavailable

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_ASSET = apprise.AppriseAsset(app_id="Tickmesh", app_url="", secure_logging=True)

UrlOf = Callable[[Channel], str]


class Others:
    """Sends through Apprise, in threads, as its services are called one after the other."""

    def __init__(self, kind: Kind, url_of: UrlOf, threads: ThreadPoolExecutor, timeout_s: float, at_once: int) -> None:
        self._kind = kind
        self._url_of = url_of
        self._threads = threads
        self._timeout_s = timeout_s
        self.at_once = at_once

    def provider(self, channel: Channel) -> str:
        """Name the channel itself."""
        return f"{self._kind}:{channel.id}"

    async def send(self, parcel: Parcel) -> None:
        """Hand it over."""
        url, words = self._url_of(parcel.channel), parcel.words

        def notify() -> bool:
            return bool(service_of(url, self._timeout_s).notify(title=words.title, body=words.summary))

        if not await asyncio.get_running_loop().run_in_executor(self._threads, notify):
            raise Unavailable("the service did not take it")


def allowed_url(schemes: frozenset[str]) -> UrlOf:
    """Give what takes the URLs that users gave, of these schemes alone."""

    def url_of(channel: Channel) -> str:
        scheme, separator, _ = channel.address.partition("://")
        if not separator or scheme.lower() not in schemes:
            raise Refused("this kind of service is not offered here")
        return channel.address

    return url_of


def sms_url(template: str) -> UrlOf:
    """Give what makes the operator's URL with a user's number in it."""

    def url_of(channel: Channel) -> str:
        if not NUMBER.fullmatch(channel.address):
            raise Refused("the number is none, such as +12125550123")
        return template.replace("{number}", channel.address.removeprefix("+"))

    return url_of


def service_of(url: str, timeout_s: float) -> apprise.NotifyBase:
    """Read one of Apprise's URLs; raises Refused.

    How long it may take is not for the URL to say. Nor is it for it to name a file: `?template=` and `?keyfile=` would
    have one of ours, or what a server of our network answers, sent to whomever the URL says.
    """
    service = apprise.Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        raise Refused("Apprise cannot read the address")
    if any(isinstance(each, apprise.AppriseAttachment) and len(each) for each in vars(service).values()):
        raise Refused("the address names a file, which is not allowed")
    service.socket_connect_timeout = service.socket_read_timeout = timeout_s / 2
    return service
