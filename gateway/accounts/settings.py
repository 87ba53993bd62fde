"""What the accounts can be told; the composition root fills it in, nothing here reads the environment."""

from __future__ import annotations

import msgspec

MIN_SECRET_BYTES = 32  # RFC 7518, 3.2: an HS256 key has at least the size of the hash


class TokenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The signing key and the lifetimes. Raises ValueError where a bound is broken."""

    secret: bytes
    access_lifetime_s: int = 15 * 60
    refresh_lifetime_s: int = 30 * 86_400  # counted anew at every rotation
    refresh_grace_s: int = 10  # how long the previous refresh token still yields its successor
    leeway_s: int = 5  # how far the clocks of two gateways may differ

    def __post_init__(self) -> None:
        """Refuse a key that is too short and lifetimes that make no sense."""
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the token secret has {len(self.secret)} bytes; it needs {MIN_SECRET_BYTES} or more")
        _check("access_lifetime_s", self.access_lifetime_s, 1, 86_400)
        _check("refresh_lifetime_s", self.refresh_lifetime_s, self.access_lifetime_s, 366 * 86_400)
        _check("refresh_grace_s", self.refresh_grace_s, 0, 60)
        _check("leeway_s", self.leeway_s, 0, 60)

    def __repr__(self) -> str:
        # The key stays out of logs and tracebacks.
        return f"TokenSettings(access_lifetime_s={self.access_lifetime_s}, …)"


class PasswordSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Argon2id's cost, as OWASP's cheat sheet on password storage recommends, and how much of it runs at once."""

    time_cost: int = 2
    memory_kib: int = 19 * 1024
    parallelism: int = 1
    threads: int = 2
    max_waiting: int = 64  # at about 25 ms each and two threads: 0.8 s at the end of the line


class AttemptSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How many logins (and registrations) may be tried; see AttemptLimiter. 100,000 keys take about 20 MB."""

    per_email_burst: int = 10
    per_email_refill_s: float = 60.0
    per_address_burst: int = 60
    per_address_refill_s: float = 2.0
    max_keys: int = 100_000


class PoolSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where Postgres is, how many connections one gateway holds, and how long anything may take."""

    dsn: str
    max_connections: int = 8
    connect_timeout_s: float = 2.0
    acquire_timeout_s: float = 3.0
    command_timeout_s: float = 5.0

    def __repr__(self) -> str:
        # The address holds a password.
        return f"PoolSettings(max_connections={self.max_connections}, …)"


class AccountsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    tokens: TokenSettings
    pool: PoolSettings
    passwords: PasswordSettings = PasswordSettings()
    attempts: AttemptSettings = AttemptSettings()


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it must be {low} to {high} seconds")
