"""What handlers of commands have in common: carry an action out for whoever asks, or only try it."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.params import HeaderParameter, QueryParameter

from gateway.accounts.tokens import Principal
from gateway.portfolios.answers import told
from gateway.portfolios.commands import Commands
from gateway.portfolios.previews import preview
from gateway.portfolios.requests import digest_of
from market.ledger.commands import Action, Correct, Record

JSON = "application/json"
AnyRequest = Request[Principal, Any, Any]
Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="The same key again gets the first answer, and does nothing."),
]
DryRun = Annotated[bool, QueryParameter(description="Say what it would come to, and do nothing.")]


async def carry_out(
    request: AnyRequest, ledger: Commands, key: str | None, action: Action, location: str = ""
) -> Response[bytes]:
    """Have an action carried out, once."""
    digest = digest_of(request.method, request.url.path, await request.body())
    return await ledger.carry_out(request.user, key, digest, action, location)


async def try_out(request: AnyRequest, ledger: Commands, action: Record | Correct) -> Response[bytes]:
    """Say what an action would come to, or why it would be refused."""
    account, decision = await ledger.try_out(request.user, action)
    if decision.changes is None:
        return told(decision.answer, {})
    return as_json(msgspec.json.encode(preview(action.portfolio, account, decision.changes)))


def as_json(body: bytes, status: int = 200) -> Response[bytes]:
    """Answer with JSON that is ready; nobody may keep it."""
    return Response(body, status_code=status, headers={"Cache-Control": "no-store"}, media_type=JSON)
