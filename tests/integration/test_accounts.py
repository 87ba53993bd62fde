"""The accounts over HTTP on a real Postgres, which is killed and comes back."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar
from litestar.di import Provide

from gateway.accounts import (
    AccountsController,
    AccountsService,
    AccountsSettings,
    AttemptSettings,
    PasswordSettings,
    PoolSettings,
    TokenSettings,
    open_accounts,
)
from gateway.accounts.store import MAX_FAMILIES_PER_USER
from gateway.problems import PROBLEM_HANDLERS, Problem
from infra.local.servers import running_postgres
from infra.migrate import migrate

ADA = {"email": "ada@example.com", "password": "correct horse battery"}
TOKENS = TokenSettings(secret=b"k" * 32)
CHEAP = PasswordSettings(time_cost=1, memory_kib=64)
GENEROUS = AttemptSettings(per_email_burst=1000, per_address_burst=1000)


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Gateway:
    """An application with nothing but accounts, and a client for it."""

    def __init__(self, accounts: AccountsService, http: AsyncClient, url: str) -> None:
        self.accounts = accounts
        self.url = url
        self.http = http

    async def post(self, path: str, **body: str) -> Response:
        return await self.http.post(f"/auth/{path}", json=body)

    async def login(self) -> dict[str, str]:
        answer = await self.post("login", **ADA)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json()
        return tokens

    async def refused(self, path: str, **body: str) -> tuple[int, str]:
        answer = await self.post(path, **body)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    async def rows(self, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url, ssl=False)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts() -> AttemptSettings:
    return GENEROUS


@pytest_asyncio.fixture
async def gateway(postgres_url: str, clock: Clock, attempts: AttemptSettings) -> AsyncIterator[Gateway]:
    await asyncio.to_thread(migrate, postgres_url)
    async with running_gateway(postgres_url, clock, attempts) as made:
        yield made


@asynccontextmanager
async def running_gateway(
    url: str, clock: Clock, attempts: AttemptSettings = GENEROUS, passwords: PasswordSettings = CHEAP
) -> AsyncIterator[Gateway]:
    pool = PoolSettings(dsn=url, acquire_timeout_s=1, connect_timeout_s=1, command_timeout_s=0.5)
    settings = AccountsSettings(tokens=TOKENS, pool=pool, passwords=passwords, attempts=attempts)
    async with open_accounts(settings, clock) as accounts:
        app = Litestar(
            [AccountsController],
            dependencies={"accounts": Provide(lambda: accounts, sync_to_thread=False)},
            exception_handlers=PROBLEM_HANDLERS,
            logging_config=None,
        )
        async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway") as http:
            yield Gateway(accounts, http, url)


async def test_register_log_in_and_be_known(gateway: Gateway) -> None:
    registered = await gateway.post("register", **ADA)
    assert registered.status_code == 201
    assert registered.json()["email"] == ADA["email"]
    answer = await gateway.post("login", email=" ADA@example.com", password=ADA["password"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["refresh_expires_in"]) == ("Bearer", 900, 2_592_000)
    assert gateway.accounts.authenticate(tokens["access_token"]).user_id == UUID(registered.json()["user_id"])


async def test_neither_password_nor_refresh_token_is_stored(gateway: Gateway) -> None:
    await gateway.post("register", **ADA)
    tokens = await gateway.login()
    (user,) = await gateway.rows("SELECT * FROM users")
    (family,) = await gateway.rows("SELECT * FROM refresh_families")
    assert user["password_hash"].startswith("$argon2id$")
    assert ADA["password"] not in str(user)
    assert tokens["refresh_token"].encode() not in bytes(family["token_hash"])
    assert len(family["token_hash"]) == 32


async def test_what_is_refused(gateway: Gateway) -> None:
    await gateway.post("register", **ADA)
    assert await gateway.refused("register", **ADA | {"email": "Ada@Example.COM"}) == (409, "email_taken")
    assert await gateway.refused("register", **ADA | {"email": "ada"}) == (422, "invalid_field")
    assert await gateway.refused("register", email="bob@example.com", password="short") == (422, "invalid_field")
    assert await gateway.refused("register", email="bob@example.com") == (422, "invalid_field")
    assert await gateway.refused("register", email="bob@example.com", password="x" * 5000) == (413, "body_too_large")
    assert await gateway.refused("login", **ADA | {"password": "wrong"}) == (401, "bad_credentials")
    assert await gateway.refused("login", **ADA | {"email": "bob@example.com"}) == (401, "bad_credentials")
    for odd in ("", "x" * 64, "é"):
        assert await gateway.refused("refresh", refresh_token=odd) == (401, "refresh_unknown")


async def test_bodies_that_are_not_json_are_refused(gateway: Gateway) -> None:
    form = await gateway.http.post("/auth/login", data=ADA)
    text = await gateway.http.post("/auth/login", content=b"{}", headers={"Content-Type": "text/plain"})
    broken = await gateway.http.post("/auth/login", content=b"{", headers={"Content-Type": "application/json"})
    assert [(one.status_code, one.json()["code"]) for one in (form, text, broken)] == [
        (415, "unsupported_media_type"),
        (415, "unsupported_media_type"),
        (400, "malformed_body"),
    ]


async def test_of_many_who_register_one_email_at_once_one_gets_it(gateway: Gateway) -> None:
    bodies = [ADA | {"email": email} for email in ("ada@example.com", "Ada@example.com", "ADA@EXAMPLE.COM") * 4]
    answers = await asyncio.gather(*(gateway.post("register", **body) for body in bodies))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 11}
    assert len(await gateway.rows("SELECT 1 FROM users")) == 1


async def test_refreshing_rotates(gateway: Gateway, clock: Clock) -> None:
    await gateway.post("register", **ADA)
    tokens = await gateway.login()
    seen = {tokens["refresh_token"]}
    for _ in range(3):
        clock.now_s += 1000
        answer = await gateway.post("refresh", refresh_token=tokens["refresh_token"])
        assert answer.status_code == 200
        tokens = answer.json()
        seen.add(tokens["refresh_token"])
        assert gateway.accounts.authenticate(tokens["access_token"])
    assert len(seen) == 4
    # However long a client stays: one login, one row.
    assert len(await gateway.rows("SELECT 1 FROM refresh_families")) == 1


async def test_reuse_of_a_rotated_token_ends_the_whole_login_and_no_other(
    gateway: Gateway, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await gateway.post("register", **ADA)
    stolen, elsewhere = await gateway.login(), await gateway.login()
    newer = (await gateway.post("refresh", refresh_token=stolen["refresh_token"])).json()
    clock.now_s += TOKENS.refresh_grace_s
    with caplog.at_level(logging.WARNING, "gateway.accounts"):
        refused = await gateway.refused("refresh", refresh_token=stolen["refresh_token"])
    assert refused == (401, "refresh_reused")
    assert "used twice" in caplog.text
    assert stolen["refresh_token"] not in caplog.text
    assert await gateway.refused("refresh", refresh_token=newer["refresh_token"]) == (401, "refresh_revoked")
    assert (await gateway.post("refresh", refresh_token=elsewhere["refresh_token"])).status_code == 200


async def test_concurrent_refreshes_of_one_token_all_get_the_same_next_one(gateway: Gateway, clock: Clock) -> None:
    await gateway.post("register", **ADA)
    old = (await gateway.login())["refresh_token"]
    answers = await asyncio.gather(*(gateway.post("refresh", refresh_token=old) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    (following,) = {answer.json()["refresh_token"] for answer in answers}
    assert following != old
    clock.now_s += 60
    assert (await gateway.post("refresh", refresh_token=following)).status_code == 200


async def test_an_unused_refresh_token_expires(gateway: Gateway, clock: Clock) -> None:
    await gateway.post("register", **ADA)
    tokens = await gateway.login()
    clock.now_s += TOKENS.refresh_lifetime_s
    assert await gateway.refused("refresh", refresh_token=tokens["refresh_token"]) == (401, "refresh_expired")
    await gateway.login()
    assert len(await gateway.rows("SELECT 1 FROM refresh_families")) == 1  # the expired one is gone


async def test_logging_out_ends_the_login_and_may_be_repeated(gateway: Gateway) -> None:
    await gateway.post("register", **ADA)
    tokens = await gateway.login()
    for text in (tokens["refresh_token"], tokens["refresh_token"], "nonsense", "A" * 64):
        assert (await gateway.post("logout", refresh_token=text)).status_code == 204
    assert await gateway.refused("refresh", refresh_token=tokens["refresh_token"]) == (401, "refresh_revoked")


async def test_the_logins_of_one_user_are_bounded_and_the_least_used_one_goes(gateway: Gateway, clock: Clock) -> None:
    await gateway.post("register", **ADA)
    first = await gateway.login()
    for _ in range(MAX_FAMILIES_PER_USER):
        clock.now_s += 1
        await gateway.login()
    assert len(await gateway.rows("SELECT 1 FROM refresh_families")) == MAX_FAMILIES_PER_USER
    assert await gateway.refused("refresh", refresh_token=first["refresh_token"]) == (401, "refresh_unknown")


async def test_a_hash_of_older_cost_is_renewed_at_login(gateway: Gateway, clock: Clock) -> None:
    await gateway.post("register", **ADA)
    today = PasswordSettings(time_cost=2, memory_kib=128)
    async with running_gateway(gateway.url, clock, passwords=today) as upgraded:
        await upgraded.login()
        (user,) = await gateway.rows("SELECT password_hash FROM users")
        assert "m=128,t=2" in user["password_hash"]
        await upgraded.login()


@pytest.mark.parametrize("attempts", [AttemptSettings(per_email_burst=3, per_address_burst=6)])
async def test_guessing_is_slowed_down(gateway: Gateway, clock: Clock) -> None:
    await gateway.post("register", **ADA)
    wrong = ADA | {"password": "wrong guess"}
    for _ in range(3):
        assert await gateway.refused("login", **wrong) == (401, "bad_credentials")
    answer = await gateway.post("login", **ADA)  # even with the right one: a guesser learns nothing
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    clock.now_s += int(answer.headers["retry-after"])
    await gateway.login()


async def test_a_server_that_does_not_answer_in_time_is_away_for_that_request_only(gateway: Gateway) -> None:
    await gateway.post("register", **ADA)
    tokens = await gateway.login()
    blocker = await asyncpg.connect(gateway.url, ssl=False)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE refresh_families")
            refused = await gateway.refused("refresh", refresh_token=tokens["refresh_token"])
            assert refused == (503, "accounts_unavailable")
        assert (await gateway.post("refresh", refresh_token=tokens["refresh_token"])).status_code == 200
    finally:
        await blocker.close()


async def test_without_postgres_accounts_say_so_and_recover_by_themselves(
    open_folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder = open_folder / "accounts"
    folder.mkdir()
    async with running_postgres(folder) as server:
        await asyncio.to_thread(migrate, server.url)
        async with running_gateway(server.url, clock) as gateway:
            await gateway.post("register", **ADA)
            tokens = await gateway.login()
            server.kill()
            await server.exited()

            answers = await asyncio.gather(*(gateway.post("login", **ADA) for _ in range(20)))
            assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
                (503, "accounts_unavailable")
            }
            assert answers[0].headers["retry-after"] == "2"
            refused = await gateway.refused("refresh", refresh_token=tokens["refresh_token"])
            assert refused == (503, "accounts_unavailable")
            # Whoever holds an access token goes on: verifying it asks nobody.
            assert gateway.accounts.authenticate(tokens["access_token"])
            # A gateway can also start without Postgres.
            async with running_gateway(server.url, clock) as newcomer:
                assert await newcomer.refused("login", **ADA) == (503, "accounts_unavailable")
                await server.restart()
                for one in (gateway, newcomer):
                    await until_reachable(one)
                    await one.login()
            answer = await gateway.post("refresh", refresh_token=tokens["refresh_token"])
            assert answer.status_code == 200
    said = [record.getMessage() for record in caplog.records if record.name == "gateway.accounts.store"]
    assert [line for line in said if "is back" in line] == ["Postgres is back"] * 2
    assert len(said) == 4  # once away and once back for each gateway, not once for each request


async def until_reachable(gateway: Gateway) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            await gateway.accounts.ping()
        except Problem:
            assert time.monotonic() < deadline
        else:
            return
