"""Refresh tokens: opaque, rotated at each use, and only their hash is stored. Pure.

A token is base64url of 48 bytes: the family's id (16) and a secret (32). The first secret is random, each later one is
HMAC-SHA256(key, family and secret before it). So the token that follows a given one is always the same, and the server
can repeat it to a client that lost the answer, or to two tabs that refreshed at once, without having stored it; nobody
without the key can compute it. Of each family the database holds the hash of the present token alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

_FAMILY_BYTES = 16
_SECRET_BYTES = 32
TEXT_CHARACTERS = 64

Verdict = Literal["rotate", "repeat", "expired", "revoked", "reused"]


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One token of a family."""

    family: UUID
    secret: bytes

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(self.family.bytes + self.secret).decode()

    def __repr__(self) -> str:
        # The secret stays out of logs and tracebacks.
        return f"RefreshToken(family={self.family}, …)"

    @classmethod
    def first(cls) -> RefreshToken:
        """Return the first token of a new family."""
        return cls(uuid4(), secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> RefreshToken | None:
        """Read the text form; None where it is not one."""
        if len(text) != TEXT_CHARACTERS:
            return None
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        if len(raw) != _FAMILY_BYTES + _SECRET_BYTES:
            return None
        token = cls(UUID(bytes=raw[:_FAMILY_BYTES]), raw[_FAMILY_BYTES:])
        # Python's decoder takes "+/" beside "-_"; one token has one text.
        return token if str(token) == text else None

    def successor(self, key: bytes) -> RefreshToken:
        """Return the one token that follows this one."""
        return RefreshToken(self.family, hmac.digest(key, self.family.bytes + self.secret, "sha256"))

    def digest(self) -> bytes:
        """Return what is stored of the token: SHA-256; the secret has 256 bits, so a slow hash would add nothing."""
        return hashlib.sha256(self.family.bytes + self.secret).digest()


@dataclass(frozen=True, slots=True)
class Family:
    """A login as it is stored: the hash of its present token, and its times in seconds since 1970."""

    user_id: UUID
    token_hash: bytes
    rotated_at_s: float
    expires_at_s: float
    revoked: bool


def rotation_key(secret: bytes) -> bytes:
    """Derive the key of `successor` from the signing key, so that neither use of it can stand in for the other."""
    return hmac.digest(secret, b"tickmesh: refresh token rotation", "sha256")


def judge(token: RefreshToken, family: Family, key: bytes, grace_s: float, now_s: float) -> Verdict:
    """Say what a presented token is good for.

    "rotate" for the present token. "repeat" for the one just before it within `grace_s` of its rotation: its bearer
    gets the same successor again, so a repeated request changes nothing. Any other secret under a known family was
    ours once, and its bearer or the holder of the present token is a thief: "reused".
    """
    if family.revoked:
        return "revoked"
    if now_s >= family.expires_at_s:
        return "expired"
    if hmac.compare_digest(token.digest(), family.token_hash):
        return "rotate"
    previous = hmac.compare_digest(token.successor(key).digest(), family.token_hash)
    return "repeat" if previous and now_s - family.rotated_at_s < grace_s else "reused"
