"""What handlers of commands have in common: carry an action out for whoever asks, or only try it."""

from typing import Annotated

import msgspec
from litestar import Response
from litestar.params import QueryParameter

from gateway.commanding.acting import AnyRequest, as_json, request_digest
from gateway.commanding.answers import told
from gateway.portfolios.commands import Commands
from gateway.portfolios.previews import preview
from market.ledger.commands import Action, Correct, Record

DryRun = Annotated[bool, QueryParameter(description="Say what it would come to, and do nothing.")]


async def carry_out(
    request: AnyRequest, ledger: Commands, key: str | None, action: Action, location: str = ""
) -> Response[bytes]:
    """Have an action carried out, once."""
    return await ledger.carry_out(request.user, key, await request_digest(request), action, location)


async def try_out(request: AnyRequest, ledger: Commands, action: Record | Correct) -> Response[bytes]:
    """Say what an action would come to, or why it would be refused."""
    account, decision = await ledger.try_out(request.user, action)
    if decision.changes is None:
        return told(decision.answer, {})
    return as_json(msgspec.json.encode(preview(action.portfolio, account, decision.changes)))
