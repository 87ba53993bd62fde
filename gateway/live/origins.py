"""Whose web pages may open a stream: browsers name the page's origin, and nothing else does. Pure.

This keeps other people's pages from using a visitor's browser; it keeps nobody else out, that is what tokens are for.
"""

import ipaddress
import re

from mesh.settings import PREFIX, SettingsError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@\s]+)", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
_SHOWN_CHARACTERS = 80

_Origin = tuple[str, str, int]  # scheme, host and port, in lower case and never left out


class Origins:
    """The allow-list; without one only the pages that the gateway's own host serves may open a stream."""

    def __init__(self, allowed: str) -> None:
        """Read `https://host[:port]`, comma-separated. Raises SettingsError, which names the first that is none."""
        entries = [each.strip() for each in allowed.split(",")] if allowed.strip() else []
        self._allowed = frozenset(_configured(each) for each in entries)

    def allows(self, origin: str | None, host: str | None) -> bool:
        """Say whether a handshake with these `Origin` and `Host` headers may go on; None: there is no such header."""
        if origin is None:
            return True
        parsed = _parse(origin)
        if parsed is None:
            return False
        if self._allowed:
            return parsed in self._allowed
        scheme, *authority = parsed
        # Behind a proxy that ends TLS the gateway cannot know its own scheme, so the page's stands for it.
        return host is not None and _parse_authority(host, _DEFAULT_PORTS[scheme]) == tuple(authority)


def _configured(entry: str) -> _Origin:
    parsed = _parse(entry)
    if parsed is None:
        expected = "an origin is https://host or https://host:port, with no path and no wildcard"
        raise SettingsError(f"{PREFIX}ALLOWED_ORIGINS: {entry[:_SHOWN_CHARACTERS]!r} is none: {expected}")
    return parsed


def _parse(origin: str) -> _Origin | None:
    """Read an origin; None for `null`, which pages without one send, and whatever else is none."""
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    authority = _parse_authority(match["authority"], _DEFAULT_PORTS[scheme])
    return None if authority is None else (scheme, *authority)


def _parse_authority(text: str, default_port: int) -> tuple[str, int] | None:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    host, port = match["host"].lower(), int(match["port"] or default_port)
    if host.startswith("["):
        try:
            host = str(ipaddress.IPv6Address(host[1:-1]))  # one spelling of the many
        except ValueError:
            return None
    return (host, port) if 1 <= port <= 65535 else None
