"""Errors as RFC 9457 problem documents: every refusal of the REST part has a stable `code` and says what to change.

A handler raises `Problem`; `PROBLEM_HANDLERS` turns it, and whatever Litestar or a bug raises, into
`application/problem+json`. What went wrong inside is logged under an id that the answer carries, and never shown.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.types import ExceptionHandlersMap

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:tickmesh:problem:"

_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    503: "unavailable",
}
_NAMED_FIELD = re.compile(r"(missing required|contains unknown) field `([^`]{1,80})`")
_SHOWN_CHARACTERS = 200

AnyRequest = Request[Any, Any, Any]


class Problem(Exception):  # noqa: N818  # RFC 9457's word for it
    """A refusal with its HTTP status, a stable code, a sentence for people, and further members for programs."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **fields: str | int | float,
    ) -> None:
        """Hold the document's members."""
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.fields = fields

    def document(self) -> dict[str, str | int | float]:
        """Return the members of the problem document; a title is of a kind of problem, so it is the code in words."""
        return {
            "type": TYPE_PREFIX + self.code,
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.fields,
        }

    def response(self) -> Response[bytes]:
        """Return the document as an HTTP response."""
        return Response(
            msgspec.json.encode(self.document()),
            status_code=self.status,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )


class ProblemDocument(msgspec.Struct):
    """The body of every error, RFC 9457; the OpenAPI page shows this. Some codes add members of their own."""

    type: Annotated[str, msgspec.Meta(description="A URI that names the kind of problem.")]
    title: Annotated[str, msgspec.Meta(description="The kind of problem in words: its code's.")]
    status: Annotated[int, msgspec.Meta(description="The HTTP status.")]
    detail: Annotated[str, msgspec.Meta(description="What was wrong with this request, for people.")]
    code: Annotated[str, msgspec.Meta(description="The kind of problem, for programs; it never changes.")]


def invalid_field(field: str, bound: str, detail: str = "") -> Problem:
    """Return the problem for a field that breaks its bound: 422 with both named."""
    return Problem(422, "invalid_field", detail or f"{field}: {bound}", field=field, bound=bound)


def log_reason(detail: str, why: str) -> None:
    """Log on one line what stands behind something that is away: a driver's text names hosts and is for nobody else."""
    log.warning("%s: %s", detail, " ".join(why.split()))


def retry_after(seconds: float) -> dict[str, str]:
    """Return the Retry-After header, in whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _answer_problem(_request: AnyRequest, error: Problem) -> Response[bytes]:
    return error.response()


def _answer_validation(request: AnyRequest, error: ValidationException) -> Response[bytes]:
    reasons = [_reason(item) for item in error.extra or [] if isinstance(item, dict)]
    if not reasons:
        return Problem(400, "bad_request", error.detail).response()
    # Litestar reports an absent body as a lone "'data'".
    if reasons == [("data", "'data'")]:
        return Problem(400, "malformed_body", "the request has no body").response()
    field, bound = reasons[0]
    detail = "; ".join(f"{name}: {why}" for name, why in reasons)
    log.debug("%s %s refused: %s", request.method, request.scope["path"], detail)
    return invalid_field(field, bound, detail).response()


def _reason(item: dict[str, Any]) -> tuple[str, str]:
    """Read one of Litestar's findings as (field, bound); it names a missing or unknown field only in its message."""
    key, message = str(item.get("key", "body")), str(item.get("message", ""))
    if named := _NAMED_FIELD.search(message):
        return named[2], "is required" if named[1].startswith("missing") else "is not a field of this request"
    return key, message


def _answer_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    if error.status_code >= 500 and error.status_code != 503:
        return _answer_unexpected(request, error)
    code = _CODES.get(error.status_code, f"http_{error.status_code}")
    if error.status_code == 400 and isinstance(error.__cause__, SerializationException):
        code = "malformed_body"
    detail = _http_detail(request, error)
    return Problem(error.status_code, code, detail, headers=error.headers).response()


def _http_detail(request: AnyRequest, error: HTTPException) -> str:
    path = str(request.scope["path"])[:_SHOWN_CHARACTERS]
    match error.status_code:
        case 400 if isinstance(error.__cause__, SerializationException):
            return f"the body is not what its Content-Type says: {error.detail}"
        case 404 if error.detail == "Not Found":
            return f"there is nothing at {path}"
        case 405:
            allowed = (error.headers or {}).get("allow", "another method")
            return f"{path} does not take {request.method}; it takes {allowed}"
        case 413:
            return f"the request body is larger than {request.route_handler.resolve_request_max_body_size()} bytes"
        case _:
            return error.detail


def _answer_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    error_id = secrets.token_hex(8)
    path = str(request.scope["path"])[:_SHOWN_CHARACTERS]
    log.error("error %s: %s %s failed", error_id, request.method, path, exc_info=error)
    detail = f"something went wrong on our side; it is logged as error {error_id}"
    return Problem(500, "internal_error", detail, error_id=error_id).response()


PROBLEM_HANDLERS: ExceptionHandlersMap = {
    Problem: _answer_problem,
    ValidationException: _answer_validation,
    HTTPException: _answer_http,
    Exception: _answer_unexpected,
}
"""The exception handlers of the whole application: `Litestar(exception_handlers=PROBLEM_HANDLERS)`."""
