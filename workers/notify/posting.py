"""HTTP to addresses that users gave: to the public Internet alone, no redirects, no proxies, bounded answers.

A name is resolved here and the connection made to the very address that was looked at, so that it cannot lead somewhere
else a moment later; certificates are checked against the name.
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import asyncio
import email.utils
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from urllib.parse import SplitResult

import certifi
import httpx

from mesh.notify.addresses import check_url, is_public
from workers.notify.outcome import Refused, Unavailable

_logger = logging.getLogger(__name__)

MOST_READ_BYTES = 16 << 10
_MOST_ADDRESSES = 2  # of a name that are tried
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_MAX_RETRY_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered; `body` is at most the first MOST_READ_BYTES of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Poster:
    """Posts; an async context manager that holds the connections."""

    def __init__(self, private_allowed: bool, timeout_s: float, at_once: int) -> None:
        self._private_allowed = private_allowed
        # A connection is used once: receivers are many, and one that is kept goes stale unseen.
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=0)
        # What this machine trusts, and where it has no list of its own, what browsers do.
        trusted = ssl.create_default_context()
        trusted.load_verify_locations(certifi.where())
        self._client = httpx.AsyncClient(
            verify=trusted,
            timeout=timeout_s,
            limits=limits,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "Tickmesh"},
        )

    async def __aenter__(self) -> "Poster":
        """Begin."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._client.__aexit__(kind, error, trace)

    async def post(self, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Post and give a 2xx answer; raises Refused and Unavailable for all else."""
        try:
            parts = check_url(url, self._private_allowed)
        except ValueError as error:
            raise Refused(f"the address: {error}") from None
        unreached = "no address"
        for address in (await self._resolved(parts))[:_MOST_ADDRESSES]:
            try:
                return checked(await self._post_to(address, parts, headers, content), time.time())
            except httpx.ConnectError as error:
                unreached = f"no connection to {parts.netloc}: {error}"
            except httpx.TimeoutException as error:
                raise Unavailable(f"{parts.netloc} did not answer in time ({type(error).__name__})") from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise Unavailable(f"{parts.netloc}: {str(error) or type(error).__name__}") from None
        raise Unavailable(unreached)

    async def _post_to(self, address: str, parts: SplitResult, headers: Mapping[str, str], content: bytes) -> Answer:
        host = f"[{address}]" if ":" in address else address
        url = parts._replace(netloc=f"{host}:{_port_of(parts)}", fragment="").geturl()
        sent = {**headers, "Host": parts.netloc}
        extensions = {"sni_hostname": parts.hostname}
        async with self._client.stream("POST", url, headers=sent, content=content, extensions=extensions) as response:
            body = bytearray()
            async for part in response.aiter_raw(MOST_READ_BYTES):
                body += part
                if len(body) >= MOST_READ_BYTES:
                    break
            return Answer(response.status_code, response.headers, bytes(body[:MOST_READ_BYTES]))

    async def _resolved(self, parts: SplitResult) -> list[str]:
        """Give the addresses of a host; raises Unavailable where it has none, or one of a private network.

        That is said in the same words: no user is to find out which names there are behind a firewall.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(parts.hostname, _port_of(parts), type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            _logger.debug("%s: %s", parts.hostname, error)
            found = []
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not addresses or not (self._private_allowed or all(map(is_public, addresses))):
            raise Unavailable(f"{parts.hostname} has no address on the public Internet")
        return addresses


def checked(answer: Answer, now_s: float) -> Answer:
    """Give a 2xx answer back; raises Refused for what will not change and Unavailable for what may."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.OK:
        after_s = retry_after_s(answer.headers.get("retry-after", ""), now_s)
        # Many share a host such as discord.com: who calls one address of it too often must not hold up the others.
        of_provider = status != HTTPStatus.TOO_MANY_REQUESTS
        raise Unavailable(f"the answer was {status}", of_provider=of_provider, retry_after_s=after_s)
    if status < HTTPStatus.BAD_REQUEST:
        raise Refused(f"the answer was {status}, and redirects are not followed")
    raise Refused(f"the answer was {status}", breaks_channel=status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def retry_after_s(text: str, now_s: float) -> float:
    """Read the header Retry-After, seconds or a date, from 0 to an hour; 0 where it says nothing."""
    try:
        wait_s = float(text) if text.isdecimal() else email.utils.parsedate_to_datetime(text).timestamp() - now_s
    except (ValueError, OverflowError):
        return 0.0
    return min(max(wait_s, 0.0), _MAX_RETRY_AFTER_S)


def _port_of(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS[parts.scheme]
