"""Register, log in, refresh, log out, and say whom an access token speaks for."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from gateway.accounts.credentials import check_new_password, limiter_key, parse_email, prepare_password
from gateway.accounts.limiter import AttemptLimiter
from gateway.accounts.passwords import Passwords
from gateway.accounts.refresh import Family, RefreshToken, Verdict, judge, rotation_key
from gateway.accounts.settings import AccountsSettings, AttemptSettings, TokenSettings
from gateway.accounts.store import AccountsStore, EmailTaken, User, open_pool
from gateway.accounts.tokens import AccessTokens, Principal
from gateway.problems import Problem, retry_after

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Seconds since 1970."""

_REFUSALS: dict[Verdict, str] = {
    "expired": "the refresh token has expired; log in again",
    "revoked": "this login has been ended; log in again",
    "reused": "the refresh token had been used before, so this login is ended everywhere; log in again",
}


@asynccontextmanager
async def open_accounts(settings: AccountsSettings, clock: Clock) -> AsyncIterator[AccountsService]:
    """Build the service in the running event loop, Postgres up or not, and let go of everything at the end."""
    async with open_pool(settings.pool) as pool:
        passwords = Passwords(settings.passwords)
        try:
            store = AccountsStore(pool, settings.pool.acquire_timeout_s)
            attempts = Attempts(settings.attempts)
            yield AccountsService(store, passwords, settings.tokens, attempts, clock)
        finally:
            passwords.close()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login or a refresh yields: two tokens and how many seconds each is good for."""

    access_token: str
    expires_in_s: int
    refresh_token: str
    refresh_expires_in_s: int


class Attempts:
    """The two limits on guessing: per client address and per email. A refused attempt hashes nothing."""

    def __init__(self, settings: AttemptSettings) -> None:
        self._per_address = AttemptLimiter(settings.per_address_burst, settings.per_address_refill_s, settings.max_keys)
        self._per_email = AttemptLimiter(settings.per_email_burst, settings.per_email_refill_s, settings.max_keys)

    def count(self, address: str, email: str | None, now_s: float) -> None:
        """Count an attempt. Raises Problem `too_many_attempts`, which says when the next one is welcome."""
        wait_s = self._per_address.take(address, now_s)
        whose = "from your address"
        if not wait_s and email is not None:
            wait_s = self._per_email.take(limiter_key(email), now_s)
            whose = "for this email"
        if wait_s:
            headers = retry_after(wait_s)
            detail = f"too many attempts {whose}; try again in {headers['Retry-After']} s"
            raise Problem(429, "too_many_attempts", detail, headers=headers)

    def succeeded(self, email: str) -> None:
        """Forgive the email its misses. The address keeps its own, or one known password would buy endless guesses."""
        self._per_email.forget(limiter_key(email))


class AccountsService:
    """The accounts of one gateway. Where Postgres is needed and away, methods raise Problem `accounts_unavailable`."""

    def __init__(
        self, store: AccountsStore, passwords: Passwords, tokens: TokenSettings, attempts: Attempts, clock: Clock
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._settings = tokens
        self._rotation_key = rotation_key(tokens.secret)
        self._access = AccessTokens(tokens)
        self._attempts = attempts
        self._clock = clock

    def authenticate(self, token: str) -> Principal:
        """Return whom an access token speaks for, without asking anyone. Raises TokenError."""
        return self._access.verify(token, self._clock())

    async def ping(self) -> None:
        """Return if accounts can be reached; for readiness."""
        await self._store.ping()

    async def register(self, email: str, password: str, address: str) -> tuple[UUID, str]:
        """Make an account and return its id and its address as stored.

        Raises Problem: `invalid_field`, `email_taken`, `too_many_attempts`, `accounts_busy`.
        """
        email, password = parse_email(email), prepare_password(password)
        check_new_password(password)
        self._attempts.count(address, None, self._clock())
        user = User(uuid4(), email, await self._passwords.hash(password))
        try:
            await self._store.add_user(user, self._clock())
        except EmailTaken:
            raise Problem(409, "email_taken", "an account with this email exists") from None
        return user.user_id, email

    async def login(self, email: str, password: str, address: str) -> Grant:
        """Check a password and start a login.

        Raises Problem: `bad_credentials`, `invalid_field`, `too_many_attempts`, `accounts_busy`.
        """
        email, password = parse_email(email), prepare_password(password)
        self._attempts.count(address, email, self._clock())
        user = await self._store.find_user(email)
        verified = await self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not verified:
            raise Problem(401, "bad_credentials", "no account with this email and password")
        self._attempts.succeeded(email)
        if self._passwords.outdated(user.password_hash):
            await self._store.replace_password_hash(user, await self._passwords.hash(password))
        return await self._start(user.user_id)

    async def refresh(self, text: str) -> Grant:
        """Trade a refresh token for a new pair. Raises Problem `refresh_…`: 401, log in again."""
        token = _parse(text)
        now_s = self._clock()
        async with self._store.locked_family(token.family) as locked:
            if locked is None:
                raise _unknown()
            family = locked.family
            verdict = judge(token, family, self._rotation_key, self._settings.refresh_grace_s, now_s)
            successor = token.successor(self._rotation_key)
            expires_at_s = family.expires_at_s
            if verdict == "rotate":
                expires_at_s = now_s + self._settings.refresh_lifetime_s
                await locked.rotate(successor.digest(), now_s, expires_at_s)
            elif verdict == "reused":
                await locked.revoke(now_s)
        # Only here, so that what the verdict wrote is committed.
        if detail := _REFUSALS.get(verdict):
            if verdict == "reused":
                log.warning("refresh token of user %s used twice: family %s revoked", family.user_id, token.family)
            raise Problem(401, f"refresh_{verdict}", detail)
        return self._grant(family.user_id, successor, expires_at_s, now_s)

    async def logout(self, text: str) -> None:
        """End the login that a refresh token belongs to; nothing to do where there is none any more."""
        token = RefreshToken.parse(text)
        if token is None:
            return
        async with self._store.locked_family(token.family) as locked:
            if locked:
                await locked.revoke(self._clock())

    async def _start(self, user_id: UUID) -> Grant:
        now_s = self._clock()
        token = RefreshToken.first()
        expires_at_s = now_s + self._settings.refresh_lifetime_s
        await self._store.add_family(token.family, Family(user_id, token.digest(), now_s, expires_at_s, revoked=False))
        return self._grant(user_id, token, expires_at_s, now_s)

    def _grant(self, user_id: UUID, refresh: RefreshToken, refresh_expires_at_s: float, now_s: float) -> Grant:
        return Grant(
            access_token=self._access.issue(user_id, now_s),
            expires_in_s=self._settings.access_lifetime_s,
            refresh_token=str(refresh),
            refresh_expires_in_s=round(refresh_expires_at_s - now_s),
        )


def _parse(text: str) -> RefreshToken:
    token = RefreshToken.parse(text)
    if token is None:
        raise _unknown()
    return token


def _unknown() -> Problem:
    return Problem(401, "refresh_unknown", "this is not a refresh token of a login we know; log in again")
