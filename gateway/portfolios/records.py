"""What is on record of a portfolio, for its owner."""

import asyncio
from datetime import date
from uuid import UUID

import msgspec

from gateway.portfolios.pages import page, read_cursor
from gateway.portfolios.reader import ledger_away
from gateway.portfolios.requests import unknown_portfolio
from market.ledger.csv_file import write_file
from market.ledger.portfolio import Portfolio
from market.portfolio.history import performance
from mesh.ledger.store import LedgerStore
from mesh.pool import PostgresAway

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9999, 12, 31)


class Records:
    """Reads the ledger's tables. All methods raise Problem where they are away or the portfolio is not the user's."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    async def page(self, user: UUID, portfolio: UUID, limit: int, before: str | None, symbol: str | None) -> bytes:
        """Give a page of transactions as JSON."""
        cursor = None if before is None else read_cursor(before)
        await self._head(user, portfolio)
        try:
            found = await self._store.transactions(portfolio, limit + 1, cursor, symbol)
        except PostgresAway as error:
            raise ledger_away(str(error)) from error
        return msgspec.json.encode(page(found, limit))

    async def file(self, user: UUID, portfolio: UUID) -> bytes:
        """Give all transactions that take effect as CSV, oldest first."""
        await self._head(user, portfolio)
        try:
            found = await self._store.effective(portfolio)
        except PostgresAway as error:
            raise ledger_away(str(error)) from error
        return await asyncio.to_thread(lambda: write_file(found).encode())

    async def days(self, user: UUID, portfolio: UUID, first: date | None, last: date | None) -> bytes:
        """Give what a portfolio was worth at the closes of some days, as JSON."""
        head = await self._head(user, portfolio)
        try:
            found = await self._store.days(portfolio, first or FIRST_DAY, last or LAST_DAY)
        except PostgresAway as error:
            raise ledger_away(str(error)) from error
        return msgspec.json.encode(performance(head.currency, found))

    async def _head(self, user: UUID, portfolio: UUID) -> Portfolio:
        try:
            head = await self._store.head(portfolio, user)
        except PostgresAway as error:
            raise ledger_away(str(error)) from error
        if head is None:
            raise unknown_portfolio()
        return head
