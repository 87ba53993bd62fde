"""What handlers of commands and of what came of them have in common."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response
from litestar.params import HeaderParameter

from gateway.accounts.tokens import Principal
from gateway.commanding.answers import JSON
from gateway.commanding.keys import digest_of
from gateway.problems import Problem, invalid_field

MAX_PAGE = 500
_LIMIT = re.compile(r"[0-9]{1,6}")

AnyRequest = Request[Principal, Any, Any]
Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="The same key again gets the first answer, and does nothing."),
]


async def request_digest(request: AnyRequest) -> bytes:
    """Give the 32 bytes that tell this request from another."""
    return digest_of(request.method, request.url.path, await request.body())


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
