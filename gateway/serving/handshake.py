"""The opening handshake of a WebSocket, where it is plainly right (RFC 6455, 4.2). Pure.

Whatever else comes is for the library to refuse, which says what is wrong with it.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_KEY_BYTES = 16
_ONCE = {b"sec-websocket-key", b"sec-websocket-version", b"upgrade"}
_MAX_HEADERS = 128  # and the longest of them: what the library takes
_MAX_HEADER_BYTES = 8000

Headers = Sequence[tuple[bytes, bytes]]
"""Names, in lower case, and values."""


def accept_key(method: str, http_version: str, url: bytes, headers: Headers) -> bytes | None:
    """Give the `Sec-WebSocket-Accept` for a request that is plainly right; None for any other.

    That its `Connection` says `Upgrade` is what makes it a handshake, and known.
    """
    if method != "GET" or http_version != "1.1" or not url.isascii() or len(headers) > _MAX_HEADERS:
        return None
    single: dict[bytes, bytes] = {}
    for name, value in headers:
        if len(name) + len(value) > _MAX_HEADER_BYTES or (name in _ONCE and name in single):
            return None
        single[name] = value
    key = single.get(b"sec-websocket-key", b"")
    if single.get(b"sec-websocket-version") != b"13" or single.get(b"upgrade", b"").lower() != b"websocket":
        return None
    try:
        if len(base64.b64decode(key, validate=True)) != _KEY_BYTES:
            return None
    except binascii.Error:
        return None
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def agreement(key: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Give the answer that agrees to a handshake, with further headers."""
    further = b"".join(b"%b: %b\r\n" % each for each in headers)
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (key, further)
    )
