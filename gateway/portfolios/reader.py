"""Reads portfolios: their owner's memory while it answers, else the tables and this gateway's own prices."""

from uuid import UUID

import msgspec

from gateway.portfolios.fallback import Fallback
from gateway.portfolios.requests import unknown_portfolio
from gateway.problems import Problem, log_reason, retry_after
from market import subjects
from mesh import portfolio_now
from mesh.connection import Connection
from mesh.pool import PostgresAway

_OWNER_S = 0.25
_AGAIN_S = 1.0


class PortfolioReader:
    """Answers what a user asks about portfolios."""

    def __init__(self, connection: Connection, partitions: int, fallback: Fallback) -> None:
        self._connection = connection
        self._partitions = partitions
        self._fallback = fallback

    async def all_of(self, user: UUID) -> bytes:
        """List a user's portfolios, as JSON; raises Problem."""
        return await self._ask(user, None)

    async def one(self, user: UUID, portfolio: UUID) -> bytes:
        """Value one portfolio, as JSON; raises Problem."""
        return await self._ask(user, portfolio)

    async def _ask(self, user: UUID, portfolio: UUID | None) -> bytes:
        partition = subjects.partition_of_user(user, self._partitions)
        answer = await portfolio_now.ask(self._connection, partition, user, portfolio, _OWNER_S)
        if answer is None:
            return await self._read(user, portfolio)
        if answer == portfolio_now.NOT_FOUND:
            raise unknown_portfolio()
        return answer

    async def _read(self, user: UUID, portfolio: UUID | None) -> bytes:
        try:
            found = await (self._fallback.list(user) if portfolio is None else self._fallback.value(user, portfolio))
        except PostgresAway as error:
            raise ledger_away(str(error)) from error
        if found is None:
            raise unknown_portfolio()
        return msgspec.json.encode(found)


def ledger_away(why: str) -> Problem:
    """Say that neither the owner nor the tables can be reached."""
    detail = "portfolios cannot be reached just now"
    log_reason(detail, why)
    return Problem(503, "portfolios_unavailable", detail, headers=retry_after(_AGAIN_S))
