"""`/auth`: the HTTP face of the accounts. The composition root provides the dependency `accounts`."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, post
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from gateway import bodies
from gateway.accounts.service import AccountsService, Grant
from gateway.problems import ProblemDocument

MAX_BODY_BYTES = 4096


AnyRequest = Request[Any, Any, Any]


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """Who logs in, or wants to be able to."""

    email: Annotated[
        str, msgspec.Meta(description="At most 254 bytes; capitals make no difference.", examples=["ada@example.com"])
    ]
    password: Annotated[
        str, msgspec.Meta(description="8 to 128 characters of any kind.", examples=["correct horse battery staple"])
    ]


class RefreshRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A refresh token, given back."""

    refresh_token: Annotated[str, msgspec.Meta(description="The newest one you were given.")]


class Registered(msgspec.Struct):
    """A new account."""

    user_id: UUID
    email: str


class TokenPair(msgspec.Struct):
    """A login: a short-lived token for requests, and one that is traded once for the next pair."""

    access_token: Annotated[str, msgspec.Meta(description="A JWT, for `Authorization: Bearer` and for WS /stream.")]
    expires_in: Annotated[int, msgspec.Meta(description="Seconds until the access token expires.", examples=[900])]
    refresh_token: Annotated[str, msgspec.Meta(description="Opaque; for POST /auth/refresh, once.")]
    refresh_expires_in: Annotated[int, msgspec.Meta(description="Seconds until the refresh token expires.")]
    token_type: Annotated[str, msgspec.Meta(description="Always Bearer.", examples=["Bearer"])] = "Bearer"  # noqa: S105  # a scheme's name


def require_json(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Refuse bodies that do not say they are JSON: an HTML form of another site can send those without asking."""
    bodies.require_json(connection.headers.get("content-type", ""))


def client_address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return the client's address for counting attempts: see `counted_address`."""
    return counted_address(connection.client.host if connection.client else None)


def counted_address(host: str | None) -> str:
    """Return the address that a client counts as: an IPv6 client holds a whole /64, so that counts as one."""
    if host is None:
        return "unknown"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _refusals(**statuses: str) -> dict[int, ResponseSpec]:
    """Describe problem responses for the OpenAPI page: `_409="…"`."""
    return {
        int(status[1:]): ResponseSpec(ProblemDocument, description=text, media_type="application/problem+json")
        for status, text in statuses.items()
    }


_COMMON = {
    "_400": "`malformed_body`",
    "_413": f"`body_too_large`: more than {MAX_BODY_BYTES} bytes",
    "_415": "`unsupported_media_type`",
    "_422": "`invalid_field`: `field` and `bound` name what to change",
    "_503": "`accounts_unavailable` or `accounts_busy`: try again after `Retry-After` seconds",
}
_TOO_MANY = "`too_many_attempts`: try again after `Retry-After` seconds"


class AccountsController(Controller):
    """Register, log in, refresh, log out."""

    path = "/auth"
    tags = ("accounts",)
    guards = (require_json,)
    request_max_body_size = MAX_BODY_BYTES
    # RFC 6749, 5.1: answers that hold tokens are not kept by any cache.
    cache_control = CacheControlHeader(no_store=True)

    @post(
        "/register",
        summary="Make an account",
        responses=_refusals(_409="`email_taken`", _429=_TOO_MANY, **_COMMON),
    )
    async def register(
        self, data: JSONBody[Credentials], accounts: NamedDependency[AccountsService], request: AnyRequest
    ) -> Registered:
        """Make an account. It can log in at once."""
        user_id, email = await accounts.register(data.email, data.password, client_address(request))
        return Registered(user_id, email)

    @post(
        "/login",
        status_code=200,
        summary="Log in",
        responses=_refusals(_401="`bad_credentials`", _429=_TOO_MANY, **_COMMON),
    )
    async def login(
        self, data: JSONBody[Credentials], accounts: NamedDependency[AccountsService], request: AnyRequest
    ) -> TokenPair:
        """Trade an email and a password for an access token and a refresh token."""
        return _pair(await accounts.login(data.email, data.password, client_address(request)))

    @post(
        "/refresh",
        status_code=200,
        summary="Stay logged in",
        responses=_refusals(
            _401="`refresh_unknown`, `refresh_expired`, `refresh_revoked`, `refresh_reused`: log in again", **_COMMON
        ),
    )
    async def refresh(self, data: JSONBody[RefreshRequest], accounts: NamedDependency[AccountsService]) -> TokenPair:
        """Trade a refresh token for the next pair.

        Repeating a request within 10 s yields the same refresh token again. Using one later than that ends the login.
        """
        return _pair(await accounts.refresh(data.refresh_token))

    @post("/logout", status_code=204, summary="Log out", responses=_refusals(**_COMMON))
    async def logout(self, data: JSONBody[RefreshRequest], accounts: NamedDependency[AccountsService]) -> None:
        """End a login: no refresh token of it works any more. Its access token runs out by itself within minutes."""
        await accounts.logout(data.refresh_token)


def _pair(grant: Grant) -> TokenPair:
    return TokenPair(grant.access_token, grant.expires_in_s, grant.refresh_token, grant.refresh_expires_in_s)
