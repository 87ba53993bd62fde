"""Which addresses users may have us call or write to: of the web none of our own network, however it is written. Pure.

A name says nothing of where it leads; `is_public` is asked of what it resolves to, for every connection anew.
"""

import ipaddress
from email.errors import MessageError
from email.headerregistry import Address
from urllib.parse import SplitResult, urlsplit

MAX_URL_LENGTH = 2000
_SCHEMES = ("https", "http")
# Ways to write one address inside another, which a gateway on the way would unwrap: 6to4, Teredo, NAT64.
_WRAPPED = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")))


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public Internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        elif any(parsed in network for network in _WRAPPED):
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def check_url(url: str, private_allowed: bool) -> SplitResult:
    """Take apart a URL to call; raises ValueError, which says what is wrong with it."""
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"it has {len(url)} characters, at most {MAX_URL_LENGTH} are taken")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("it holds characters that a URL cannot have")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it is no URL") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError("it must begin with https:// or http://")
    if not host or port == 0:
        raise ValueError("it names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it must not hold a user or a password")
    if not private_allowed and _is_refused(host):
        raise ValueError("addresses of private networks are not allowed")
    return parts


def check_mailbox(text: str) -> Address:
    """Take apart an address to write to; raises ValueError, which says what is wrong with it."""
    if not text.isascii():  # few mail servers take others
        raise ValueError("of ASCII characters alone; a domain of others in its form xn--…")
    try:
        return Address(addr_spec=text)
    except (MessageError, ValueError, IndexError, AttributeError):  # the last two are the parser's own faults
        raise ValueError("an address such as ada@example.com") from None


def _is_refused(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host)
    except ValueError:  # a name
        return False
