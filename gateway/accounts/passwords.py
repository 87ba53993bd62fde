"""Password hashing: argon2id, off the event loop, a bounded number at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import VerifyMismatchError

from gateway.accounts.settings import PasswordSettings
from gateway.problems import Problem, retry_after

Result = TypeVar("Result")


class HashingBusy(Problem):
    """More passwords wait for their turn than the line holds; a retry helps."""

    def __init__(self) -> None:
        super().__init__(503, "accounts_busy", "too many logins at once; try again", headers=retry_after(1))


class Passwords:
    """Hash and verify passwords in a few threads (argon2 lets go of the interpreter's lock while it works).

    At most `max_waiting` calls are under way or in line; one more raises HashingBusy at once.
    """

    def __init__(self, settings: PasswordSettings) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=settings.time_cost, memory_cost=settings.memory_kib, parallelism=settings.parallelism
        )
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="argon2")
        self._max_waiting = settings.max_waiting
        self._waiting = 0
        # Nobody's password: a login of an unknown email is checked against it, and so takes as long as any other.
        self._decoy = self._hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        """Return the password's hash in PHC form, parameters and a fresh salt included. Raises HashingBusy."""
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password made the hash; for None do the same work and say no. Raises HashingBusy."""
        matches = await self._in_turn(lambda: self._matches(stored or self._decoy, password))
        return matches and stored is not None

    def outdated(self, stored: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Let go of the threads; what runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except VerifyMismatchError:
            return False

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= self._max_waiting:
            raise HashingBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
