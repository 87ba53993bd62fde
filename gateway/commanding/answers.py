"""What clients are told about their commands, and in which headers."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import msgspec
from litestar import Response

from gateway.commanding.client import Given
from gateway.problems import Problem, log_reason, retry_after
from market.answer import Answer
from market.refusal import Refused

KEY_HEADER = "Idempotency-Key"
JSON = "application/json"
_REFUSED = 400
_NO_CONTENT = 204
_LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes commands of one kind, as clients are told of it."""

    code: str
    """Begins the codes of its refusals."""
    name: str


def answered(given: Given, key: str, location: str = "") -> Response[bytes]:
    """Tell a client what became of its command, or where it will hear."""
    headers = {KEY_HEADER: key}
    if given.answer is None:
        headers |= {"Location": f"/commands/{given.command_id}", **retry_after(_LOOK_AGAIN_S)}
        body = {"command": str(given.command_id), "status": "pending"}
        return Response(msgspec.json.encode(body), status_code=202, headers=headers, media_type=JSON)
    if location and given.answer.status < _REFUSED:
        headers["Location"] = location.format(**given.answer.body)
    return told(given.answer, headers)


def told(answer: Answer, headers: dict[str, str]) -> Response[bytes]:
    """Give an answer to a command as it is; a refusal as a problem document."""
    if answer.status >= _REFUSED:
        problem = problem_of(answer.status, answer.body)
        problem.headers = {**problem.headers, **headers}
        return problem.response()
    body = b"" if answer.status == _NO_CONTENT else msgspec.json.encode(answer.body)
    return Response(body, status_code=answer.status, headers=headers, media_type=JSON)


def pending(command: UUID) -> Response[bytes]:
    """Say that a command is not decided yet."""
    body = {"command": str(command), "status": "pending"}
    return Response(msgspec.json.encode(body), status_code=202, headers=retry_after(_LOOK_AGAIN_S), media_type=JSON)


def problem_of(status: int, body: dict[str, object]) -> Problem:
    """Make a problem document of a refusal's members."""
    rest = {name: value for name, value in body.items() if name not in {"code", "detail"}}
    return Problem(status, str(body["code"]), str(body["detail"]), **rest)  # type: ignore[arg-type]  # JSON's own values


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Tell a client what the rules refuse before whoever carries commands out is asked."""
    try:
        yield
    except Refused as error:
        raise problem_of(error.status, error.body()) from None


def not_given(taker: Taker, reason: str, key: str) -> Problem:
    """Say that nobody knows whether a command was taken, and how to find out."""
    what = f"{taker.name} cannot be reached, and it is not known whether this was taken"
    log_reason(what, reason)
    detail = f"{what}. Send the same request with {KEY_HEADER}: {key}; it is carried out once"
    return Problem(503, f"{taker.code}_away", detail, headers={KEY_HEADER: key, **retry_after(_LOOK_AGAIN_S)})


def busy(taker: Taker, reason: str, key: str) -> Problem:
    """Say that a command was not taken, and may be later."""
    detail = f"{reason}; nothing was recorded"
    return Problem(503, f"{taker.code}_busy", detail, headers={KEY_HEADER: key, **retry_after(_LOOK_AGAIN_S)})


def full(taker: Taker, key: str) -> Problem:
    """Say that nothing more is taken."""
    detail = f"{taker.name} has no room for further commands; nothing was recorded"
    return Problem(507, f"{taker.code}_full", detail, headers={KEY_HEADER: key})


def unknown_command() -> Problem:
    """Say that there is no such command, whether it is another user's or nobody's."""
    return Problem(404, "unknown_command", "there is no such command")
