"""Access tokens: JWTs (RFC 7519), signed and verified with HS256 and nothing else. No clock: the caller gives the time.

Header `{"alg":"HS256","typ":"JWT"}`; claims `iss`, `aud`, `sub` (the user's id), `iat`, `exp` (seconds since 1970),
`jti`, and `typ` = "access", so that no other token we may ever sign passes for one.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

import jwt
import msgspec

from gateway.accounts.settings import TokenSettings

ALGORITHM = "HS256"
ISSUER = "tickmesh"
AUDIENCE = "tickmesh"
TYPE = "access"
MAX_TOKEN_CHARACTERS = 2048

TokenCode = Literal[
    "token_missing",
    "token_malformed",
    "token_algorithm",
    "token_signature",
    "token_expired",
    "token_not_yet_valid",
    "token_issuer",
    "token_audience",
    "token_type",
]


class TokenError(Exception):
    """An access token was refused. `code` says why; after any of them the client needs a new token."""

    def __init__(self, code: TokenCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request, as an access token proves it, and until when (seconds since 1970)."""

    user_id: UUID
    token_id: str
    expires_at_s: int


class _Claims(msgspec.Struct):
    iss: str
    aud: str
    sub: UUID
    iat: int
    exp: int
    jti: str
    typ: str


class AccessTokens:
    """Issue and verify access tokens with one key."""

    def __init__(self, settings: TokenSettings) -> None:
        self._secret = settings.secret
        self._leeway_s = settings.leeway_s
        self.lifetime_s = settings.access_lifetime_s
        self._jws = jwt.PyJWS(algorithms=[ALGORITHM])
        self._header = self._jws.encode(b"", self._secret, ALGORITHM).partition(".")[0]

    def issue(self, user_id: UUID, now_s: float) -> str:
        """Return a new token for the user."""
        issued_s = int(now_s)
        claims = _Claims(ISSUER, AUDIENCE, user_id, issued_s, issued_s + self.lifetime_s, uuid4().hex, TYPE)
        return self._jws.encode(msgspec.json.encode(claims), self._secret, ALGORITHM)

    def verify(self, token: str, now_s: float) -> Principal:
        """Return whom the token speaks for. Raises TokenError."""
        claims = self._signed_claims(token)
        if claims.iss != ISSUER:
            raise TokenError("token_issuer", f"the token's issuer is not {ISSUER!r}")
        if claims.aud != AUDIENCE:
            raise TokenError("token_audience", f"the token's audience is not {AUDIENCE!r}")
        if claims.typ != TYPE:
            raise TokenError("token_type", f"the token's typ is not {TYPE!r}")
        if now_s < claims.iat - self._leeway_s:
            raise TokenError("token_not_yet_valid", "the token was issued in the future")
        if now_s >= claims.exp + self._leeway_s:
            raise TokenError("token_expired", "the token has expired; refresh it")
        return Principal(claims.sub, claims.jti, claims.exp)

    def _signed_claims(self, token: str) -> _Claims:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenError("token_malformed", f"the token has more than {MAX_TOKEN_CHARACTERS} characters")
        try:
            payload = self._own_payload(token)
            if payload is None:
                payload = self._jws.decode(token, self._secret, algorithms=[ALGORITHM])
            return msgspec.json.decode(payload, type=_Claims)
        except jwt.InvalidAlgorithmError:
            raise TokenError("token_algorithm", f"the token is not signed with {ALGORITHM}") from None
        except jwt.InvalidSignatureError:
            raise TokenError("token_signature", "the token's signature does not match") from None
        except (jwt.InvalidTokenError, msgspec.DecodeError, UnicodeError):
            raise TokenError("token_malformed", "the token is not a JWT with the claims of an access token") from None

    def _own_payload(self, token: str) -> bytes | None:
        """Give the payload of a token just as `issue` writes it; None for any other: the library says what that is.

        Thousands come in the seconds after a market opens, and the library takes several times as long.
        """
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        if header != self._header or not token.isascii():
            return None
        digest = base64.urlsafe_b64encode(hmac.digest(self._secret, signed.encode(), "sha256")).rstrip(b"=")
        if not hmac.compare_digest(digest, signature.encode()):
            return None
        return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
