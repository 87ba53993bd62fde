"""Idempotency keys: what makes a request that is sent again the same command."""

import hashlib
import re
import secrets
from uuid import UUID, uuid5

from gateway.problems import Problem

_KEY = re.compile(r"[\x21-\x7e]{1,128}")


def read_key(header: str | None) -> str:
    """Read an `Idempotency-Key` header, or make a key where there is none; raises Problem."""
    if header is None:
        return secrets.token_urlsafe(18)
    if not _KEY.fullmatch(header):
        detail = "Idempotency-Key: 1 to 128 visible ASCII characters, without spaces"
        raise Problem(400, "invalid_idempotency_key", detail)
    return header


def command_id(user: UUID, key: str, space: str = "") -> UUID:
    """Give the id of the command that a user's key stands for; in each `space` it is another."""
    return uuid5(user, f"{space} {key}" if space else key)  # no key has a space in it


def digest_of(method: str, path: str, body: bytes) -> bytes:
    """Give the 32 bytes that tell one request from another."""
    return hashlib.blake2b(b"\n".join((method.encode(), path.encode(), body)), digest_size=32).digest()
