"""Signatures of webhooks, after https://www.standardwebhooks.com. Pure, but for the making of a secret.

webhook-signature: v1,base64(HMAC-SHA256(secret, "<webhook-id>.<webhook-timestamp>.<body>"))
"""

import base64
import binascii
import hashlib
import hmac
import secrets

_PREFIX = "whsec_"
_SECRET_BYTES = 32


class SecretError(ValueError):
    """A secret that is not `whsec_` and base64."""


def new_secret() -> str:
    """Make the secret of one webhook."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Sign one attempt; raises SecretError."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise SecretError(str(error)) from None
    if not secret.startswith(_PREFIX) or not key:
        raise SecretError("a secret begins with whsec_ and is not empty")
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
