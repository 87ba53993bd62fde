"""`/portfolios/{id}/transactions`: what is on record, in pages or as a file; corrections, files, and days."""

import asyncio
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from gateway.commanding.acting import AnyRequest, Key, as_json, first_answer, read_id, read_limit
from gateway.commanding.answers import JSON
from gateway.portfolios.acting import DryRun, carry_out, try_out
from gateway.portfolios.commands import Commands
from gateway.portfolios.described import Imported, Recorded, RecordedPage, described
from gateway.portfolios.files import CSV, Files
from gateway.portfolios.records import Records
from gateway.portfolios.requests import (
    MAX_FILE_BYTES,
    Correction,
    correction_of,
    named,
    read_day,
    unknown_portfolio,
    unknown_transaction,
)
from gateway.problems import Problem
from gateway.upstream import Upstream
from market.ledger.commands import Correct


class TransactionsController(Controller):
    """What is on record of a portfolio."""

    tags = ("portfolios",)

    @get(
        "/portfolios/{portfolio:str}/transactions",
        summary="Transactions",
        media_type=JSON,
        responses=described.reads(RecordedPage),
    )
    async def transactions(
        self,
        request: AnyRequest,
        portfolio: FromPath[str],
        records: NamedDependency[Records],
        upstream: NamedDependency[Upstream],
        limit: Annotated[str, QueryParameter(description="1 to 500 of a page")] = "100",
        before: Annotated[str | None, QueryParameter(description="The `next` of the page before")] = None,
        symbol: Annotated[str | None, QueryParameter(description="Only those of one symbol")] = None,
        accept: Annotated[str, HeaderParameter(name="Accept", description="JSON, or text/csv for all as a file")] = "",
    ) -> Response[bytes]:
        """List transactions, newest first, with those that were corrected; or, as CSV, all that take effect."""
        user, wanted = request.user.user_id, read_id(portfolio, unknown_portfolio)
        if accept.partition(";")[0].strip().lower() == CSV:
            name = f'attachment; filename="portfolio-{wanted}.csv"'
            headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
            return Response(await records.file(user, wanted), media_type=CSV, headers=headers)
        only = None if symbol is None else named(symbol, upstream.resolve)
        return as_json(await records.page(user, wanted, read_limit(limit), before, only))

    @post(
        "/portfolios/{portfolio:str}/transactions/{transaction:str}/corrections",
        summary="Correct or void a transaction",
        media_type=JSON,
        responses=described.commands(201, Recorded, tries=True),
    )
    async def correct(
        self,
        request: AnyRequest,
        portfolio: FromPath[str],
        transaction: FromPath[str],
        data: JSONBody[Correction],
        ledger: NamedDependency[Commands],
        upstream: NamedDependency[Upstream],
        key: Key = None,
        dry_run: DryRun = False,
    ) -> Response[bytes]:
        """Put another transaction, or none, in the place of one; both stay on record."""
        try:
            fields = correction_of(data, upstream.resolve)
        except Problem as problem:
            return await first_answer(request, ledger, None if dry_run else key, problem)
        action = Correct(read_id(portfolio, unknown_portfolio), read_id(transaction, unknown_transaction), fields)
        if dry_run:
            return await try_out(request, ledger, action)
        return await carry_out(request, ledger, key, action)

    @post(
        "/portfolios/{portfolio:str}/imports",
        summary="Import transactions from a file",
        media_type=JSON,
        responses=described.commands(201, Imported, tries=True),
        request_max_body_size=MAX_FILE_BYTES,
    )
    async def import_file(
        self,
        request: AnyRequest,
        portfolio: FromPath[str],
        ledger: NamedDependency[Commands],
        files: NamedDependency[Files],
        key: Key = None,
        dry_run: DryRun = False,
    ) -> Response[bytes]:
        """Record all lines of a CSV file, or none: each line that is wrong is named. The body is the file, text/csv."""
        body, kind = await request.body(), request.headers.get("content-type", "")
        try:
            action = await asyncio.to_thread(files.read, read_id(portfolio, unknown_portfolio), kind, body)
        except Problem as problem:
            return await first_answer(request, ledger, None if dry_run else key, problem)
        if dry_run:
            return await files.try_out(request.user, ledger, action)
        return await carry_out(request, ledger, key, action)

    @get(
        "/portfolios/{portfolio:str}/performance",
        summary="Day by day",
        media_type=JSON,
        responses=described.reads(dict[str, Any]),
    )
    async def performance(
        self,
        request: AnyRequest,
        portfolio: FromPath[str],
        records: NamedDependency[Records],
        first: Annotated[str | None, QueryParameter(name="from", description="The first day, as 2026-03-29")] = None,
        last: Annotated[str | None, QueryParameter(name="to", description="The last day")] = None,
    ) -> Response[bytes]:
        """Give what a portfolio was worth at each close, and what came of it."""
        since = None if first is None else read_day(first, "from")
        until = None if last is None else read_day(last, "to")
        return as_json(await records.days(request.user.user_id, read_id(portfolio, unknown_portfolio), since, until))
