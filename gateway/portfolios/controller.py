"""`/portfolios`: open, rename, close; record and correct transactions; what is held and what it is worth."""

from typing import Any

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from gateway.commanding.acting import AnyRequest, Key, as_json, first_answer, read_id
from gateway.commanding.answers import JSON
from gateway.portfolios.acting import DryRun, carry_out, try_out
from gateway.portfolios.commands import Commands
from gateway.portfolios.described import Opened, Recorded, described
from gateway.portfolios.reader import PortfolioReader
from gateway.portfolios.requests import (
    Entry,
    NewName,
    NewPortfolio,
    fields_of,
    opening,
    renaming,
    unknown_portfolio,
)
from gateway.problems import Problem
from gateway.upstream import Upstream
from market.ledger.commands import Delete, Record


class PortfoliosController(Controller):
    """Portfolios, and what users do with them."""

    tags = ("portfolios",)

    @post("/portfolios", summary="Open a portfolio", media_type=JSON, responses=described.commands(201, Opened))
    async def create(
        self, request: AnyRequest, data: JSONBody[NewPortfolio], ledger: NamedDependency[Commands], key: Key = None
    ) -> Response[bytes]:
        """Open a portfolio in one currency."""
        return await carry_out(request, ledger, key, opening(data), "/portfolios/{id}")

    @get("/portfolios", summary="All portfolios", media_type=JSON, responses=described.reads(dict[str, Any]))
    async def list_all(self, request: AnyRequest, portfolios: NamedDependency[PortfolioReader]) -> Response[bytes]:
        """List the user's portfolios with what they are worth now, oldest first."""
        return as_json(await portfolios.all_of(request.user.user_id))

    @get(
        "/portfolios/{portfolio:str}",
        summary="What a portfolio holds and is worth",
        media_type=JSON,
        responses=described.reads(dict[str, Any]),
    )
    async def value(
        self, request: AnyRequest, portfolio: FromPath[str], portfolios: NamedDependency[PortfolioReader]
    ) -> Response[bytes]:
        """Value a portfolio at the prices of one moment."""
        return as_json(await portfolios.one(request.user.user_id, read_id(portfolio, unknown_portfolio)))

    @patch(
        "/portfolios/{portfolio:str}",
        summary="Rename a portfolio",
        media_type=JSON,
        responses=described.commands(200, Opened),
    )
    async def rename(
        self,
        request: AnyRequest,
        portfolio: FromPath[str],
        data: JSONBody[NewName],
        ledger: NamedDependency[Commands],
        key: Key = None,
    ) -> Response[bytes]:
        """Give a portfolio another name."""
        return await carry_out(request, ledger, key, renaming(read_id(portfolio, unknown_portfolio), data))

    @delete(
        "/portfolios/{portfolio:str}",
        status_code=202,
        summary="Close a portfolio",
        media_type=JSON,
        responses=described.commands(204, None),
    )
    async def close(
        self, request: AnyRequest, portfolio: FromPath[str], ledger: NamedDependency[Commands], key: Key = None
    ) -> Response[bytes]:
        """Close a portfolio for good; nobody sees it or its transactions any more."""
        return await carry_out(request, ledger, key, Delete(read_id(portfolio, unknown_portfolio)))

    @post(
        "/portfolios/{portfolio:str}/holdings",
        summary="Record a transaction",
        media_type=JSON,
        responses=described.commands(201, Recorded, tries=True),
    )
    async def record(
        self,
        request: AnyRequest,
        portfolio: FromPath[str],
        data: JSONBody[Entry],
        ledger: NamedDependency[Commands],
        upstream: NamedDependency[Upstream],
        key: Key = None,
        dry_run: DryRun = False,
    ) -> Response[bytes]:
        """Record what was bought, sold, paid in or out, or split."""
        try:
            action = Record(read_id(portfolio, unknown_portfolio), fields_of(data, upstream.resolve))
        except Problem as problem:
            return await first_answer(request, ledger, None if dry_run else key, problem)
        if dry_run:
            return await try_out(request, ledger, action)
        return await carry_out(request, ledger, key, action)
