"""What keeps other routes for those who are logged in: `Router(guards=[require_bearer(…)])`, then `principal` there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import SecurityScheme
from litestar.types import Guard

from gateway.accounts.tokens import Principal, TokenError
from gateway.problems import Problem

SCHEME_NAME = "bearer"
SECURITY_SCHEME = SecurityScheme(
    type="http", scheme="bearer", bearer_format="JWT", description="The access token that POST /auth/login yields."
)
"""For the OpenAPI page: `Components(security_schemes={SCHEME_NAME: SECURITY_SCHEME})`."""

Authenticate = Callable[[str], Principal]

AnyConnection = ASGIConnection[Any, Any, Any, Any]


def require_bearer(authenticate: Callable[[AnyConnection], Authenticate]) -> Guard:
    """Return a guard that lets in whoever sends a good `Authorization: Bearer`, and says precisely why not others.

    `authenticate` finds the verifying function for a connection: the application's state holds it once it has started.
    """

    def guard(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        try:
            token = bearer_token(connection.headers.get("authorization"))
            connection.scope["user"] = authenticate(connection)(token)
        except TokenError as error:
            raise unauthenticated(error) from None

    return guard


def provide_principal(request: Request[Principal, Any, Any]) -> Principal:
    """Give a guarded route's handler its caller: `dependencies={"principal": Provide(provide_principal, …)}`."""
    return request.user


def bearer_token(header: str | None) -> str:
    """Return the token in an Authorization header. Raises TokenError."""
    if not header:
        raise TokenError("token_missing", "the request has no Authorization header; send `Authorization: Bearer TOKEN`")
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise TokenError("token_malformed", "the Authorization header is not of the form `Bearer TOKEN`")
    return token


def unauthenticated(error: TokenError) -> Problem:
    """Return the 401 problem for a refused token, with the challenge that RFC 6750, 3 asks for."""
    challenge = 'Bearer realm="tickmesh"'
    if error.code != "token_missing":
        challenge += f', error="invalid_token", error_description="{error.code}"'
    return Problem(401, error.code, error.detail, headers={"WWW-Authenticate": challenge})
