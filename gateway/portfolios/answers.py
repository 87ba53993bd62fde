"""What clients are told about their commands, and in which headers."""

from uuid import UUID

import msgspec
from litestar import Response

from gateway.portfolios.ledger_client import Given
from gateway.portfolios.requests import problem_of
from gateway.problems import Problem, retry_after
from market.ledger.decide import Answer

KEY_HEADER = "Idempotency-Key"
_JSON = "application/json"
_REFUSED = 400
_NO_CONTENT = 204
_LOOK_AGAIN_S = 1.0


def answered(given: Given, key: str, location: str = "") -> Response[bytes]:
    """Tell a client what became of its command, or where it will hear."""
    headers = {KEY_HEADER: key}
    if given.answer is None:
        headers |= {"Location": f"/commands/{given.command_id}", **retry_after(_LOOK_AGAIN_S)}
        body = {"command": str(given.command_id), "status": "pending"}
        return Response(msgspec.json.encode(body), status_code=202, headers=headers, media_type=_JSON)
    if location and given.answer.status < _REFUSED:
        headers["Location"] = location.format(**given.answer.body)
    return told(given.answer, headers)


def told(answer: Answer, headers: dict[str, str]) -> Response[bytes]:
    """Give an answer of the ledger as it is; a refusal as a problem document."""
    if answer.status >= _REFUSED:
        problem = problem_of(answer.status, answer.body)
        problem.headers = {**problem.headers, **headers}
        return problem.response()
    body = b"" if answer.status == _NO_CONTENT else msgspec.json.encode(answer.body)
    return Response(body, status_code=answer.status, headers=headers, media_type=_JSON)


def not_given(reason: str, key: str) -> Problem:
    """Say that nobody knows whether a command was taken, and how to find out."""
    detail = (
        f"the ledger cannot be reached, and it is not known whether it took this: {reason}. "
        f"Send the same request with {KEY_HEADER}: {key}; it is carried out once"
    )
    return Problem(503, "ledger_away", detail, headers={KEY_HEADER: key, **retry_after(_LOOK_AGAIN_S)})


def ledger_busy(reason: str, key: str) -> Problem:
    """Say that a command was not taken, and may be later."""
    detail = f"{reason}; nothing was recorded"
    return Problem(503, "ledger_busy", detail, headers={KEY_HEADER: key, **retry_after(_LOOK_AGAIN_S)})


def ledger_full(key: str) -> Problem:
    """Say that the ledger takes nothing more."""
    detail = "the ledger has no room for further commands; nothing was recorded"
    return Problem(507, "ledger_full", detail, headers={KEY_HEADER: key})


def pending(command: UUID) -> Response[bytes]:
    """Say that a command is not decided yet, or is none."""
    body = {"command": str(command), "status": "pending"}
    return Response(msgspec.json.encode(body), status_code=202, headers=retry_after(_LOOK_AGAIN_S), media_type=_JSON)
