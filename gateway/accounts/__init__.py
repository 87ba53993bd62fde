"""Accounts: register, log in, stay logged in, and prove it.

routes -> service -> store (Postgres), passwords (argon2 threads)
              `---> tokens, refresh, credentials, limiter: pure
"""

from gateway.accounts.guard import SCHEME_NAME, SECURITY_SCHEME, bearer_token, provide_principal, require_bearer
from gateway.accounts.routes import AccountsController, counted_address
from gateway.accounts.service import AccountsService, open_accounts
from gateway.accounts.settings import AccountsSettings, AttemptSettings, PasswordSettings, PoolSettings, TokenSettings
from gateway.accounts.tokens import Principal, TokenError

__all__ = [
    "SCHEME_NAME",
    "SECURITY_SCHEME",
    "AccountsController",
    "AccountsService",
    "AccountsSettings",
    "AttemptSettings",
    "PasswordSettings",
    "PoolSettings",
    "Principal",
    "TokenError",
    "TokenSettings",
    "bearer_token",
    "counted_address",
    "open_accounts",
    "provide_principal",
    "require_bearer",
]
