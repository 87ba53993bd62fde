"""What handlers of commands and of what came of them have in common."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Protocol
from uuid import UUID

from litestar import Request, Response
from litestar.params import HeaderParameter

from gateway.accounts.tokens import Principal
from gateway.commanding.answers import JSON
from gateway.commanding.keys import digest_of
from gateway.problems import Problem, invalid_field

MAX_PAGE = 500
_OF_THE_MOMENT = frozenset({"unknown_symbol", "wrong_currency", "bad_lines"})
"""What is refused for what a gateway knows of symbols, which it may have known otherwise before."""
_LIMIT = re.compile(r"[0-9]{1,6}")

AnyRequest = Request[Principal, Any, Any]
Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="The same key again gets the first answer, and does nothing."),
]


async def request_digest(request: AnyRequest) -> bytes:
    """Give the 32 bytes that tell this request from another."""
    return digest_of(request.method, request.url.path, await request.body())


class Repeats(Protocol):
    """Knows the answers to commands of one kind that were decided before."""

    async def repeat(self, user: Principal, key: str, digest: bytes) -> Response[bytes] | None:
        """Give the answer to the request with this key; None where there is none yet. Raises Problem."""


async def first_answer(request: AnyRequest, commands: Repeats, key: str | None, problem: Problem) -> Response[bytes]:
    """Answer a request that is to be refused as it was answered before under its key; else raises `problem`."""
    found = None
    if key is not None and problem.code in _OF_THE_MOMENT:
        found = await commands.repeat(request.user, key, await request_digest(request))
    if found is None:
        raise problem
    return found


def as_json(body: bytes, status: int = 200) -> Response[bytes]:
    """Answer with JSON that is ready; nobody may keep it."""
    return Response(body, status_code=status, headers={"Cache-Control": "no-store"}, media_type=JSON)


def read_id(text: str, unknown: Callable[[], Problem]) -> UUID:
    """Read an id in a path; what is none is the id of nothing. Raises Problem."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown() from None


def read_limit(text: str) -> int:
    """Read how many a page may have; raises Problem."""
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= MAX_PAGE:
        raise invalid_field("limit", f"1 to {MAX_PAGE}")
    return int(text)
