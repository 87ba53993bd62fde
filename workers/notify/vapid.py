"""VAPID keys, with which push services know this installation: raw, in base64 for URLs, as browsers want them."""

import base64
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PRIVATE_BYTES = 32


class KeyPair(NamedTuple):
    """The public key goes to browsers, the private one stays with the notify worker."""

    private: str
    public: str


def new_keys() -> KeyPair:
    """Make the keys of an installation; subscriptions are good for these alone."""
    private = ec.generate_private_key(ec.SECP256R1())
    number = private.private_numbers().private_value
    return KeyPair(_text(number.to_bytes(_PRIVATE_BYTES, "big")), _public(private))


def public_of(private: str) -> str:
    """Give the public key to a private one; raises ValueError."""
    raw = base64.urlsafe_b64decode(private + "=" * (-len(private) % 4))
    if len(raw) != _PRIVATE_BYTES:
        raise ValueError(f"a VAPID key has {_PRIVATE_BYTES} bytes, this one {len(raw)}")
    return _public(ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1()))


def _public(private: ec.EllipticCurvePrivateKey) -> str:
    return _text(private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
