"""Idempotency keys: what makes a request that is sent again the same command."""

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


def command_id(user: UUID, key: str) -> UUID:
    """Give the id of the command that a user's key stands for."""
    return uuid5(user, key)
