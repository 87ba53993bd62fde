from collections.abc import Iterator
from uuid import UUID

import pytest
from litestar import Litestar, Router, get
from litestar.di import NamedDependency, Provide
from litestar.testing import TestClient

from gateway.accounts import Principal, TokenSettings, provide_principal, require_bearer
from gateway.accounts.routes import client_address
from gateway.accounts.tokens import AccessTokens
from gateway.problems import PROBLEM_HANDLERS

USER = UUID(int=7)
NOW_S = 1_800_000_000.0
tokens = AccessTokens(TokenSettings(secret=b"k" * 32))


@get("/whoami")
async def whoami(principal: NamedDependency[Principal]) -> str:
    return str(principal.user_id)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    guarded = Router(
        "/",
        route_handlers=[whoami],
        guards=[require_bearer(lambda _: lambda token: tokens.verify(token, NOW_S))],
        dependencies={"principal": Provide(provide_principal, sync_to_thread=False)},
    )
    app = Litestar([guarded], exception_handlers=PROBLEM_HANDLERS, openapi_config=None, logging_config=None)
    with TestClient(app) as made:
        yield made


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_handler_knows_its_caller(client: TestClient[Litestar], scheme: str) -> None:
    answer = client.get("/whoami", headers={"Authorization": f"{scheme} {tokens.issue(USER, NOW_S)}"})
    assert (answer.status_code, answer.text) == (200, str(USER))


@pytest.mark.parametrize(
    ("header", "code", "challenge"),
    [
        (None, "token_missing", 'Bearer realm="tickmesh"'),
        ("", "token_missing", 'Bearer realm="tickmesh"'),
        ("Basic YTpi", "token_malformed", 'error_description="token_malformed"'),
        ("Bearer", "token_malformed", 'error_description="token_malformed"'),
        ("Bearer a b", "token_malformed", 'error_description="token_malformed"'),
        (f"Bearer {tokens.issue(USER, NOW_S - 906)}", "token_expired", 'error_description="token_expired"'),
    ],
)
def test_nobody_else_gets_in(client: TestClient[Litestar], header: str | None, code: str, challenge: str) -> None:
    answer = client.get("/whoami", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["title"] == code.replace("_", " ").capitalize()
    assert challenge in answer.headers["www-authenticate"]


def test_a_token_in_the_query_string_is_not_looked_at(client: TestClient[Litestar]) -> None:
    answer = client.get("/whoami", params={"access_token": tokens.issue(USER, NOW_S)})
    assert answer.json()["code"] == "token_missing"


class _Request:
    def __init__(self, host: str | None) -> None:
        self.client = type("Address", (), {"host": host})() if host else None


@pytest.mark.parametrize(
    ("host", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_address(host: str | None, counted_as: str) -> None:
    assert client_address(_Request(host)) == counted_as  # type: ignore[arg-type]  # all that is read of a request
