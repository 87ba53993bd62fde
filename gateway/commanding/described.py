"""What the OpenAPI page says of routes that give commands, or read what came of them."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar.openapi import ResponseSpec
from msgspec import Meta

from gateway.problems import ProblemDocument

Responses = dict[int, ResponseSpec]

_PROBLEM = "application/problem+json"
_REFUSALS = {
    400: "`malformed_body` or `invalid_idempotency_key`",
    401: "`token_missing`, or what is wrong with the token",
    413: "`body_too_large`",
    415: "`unsupported_media_type`",
    422: "`invalid_field`, `idempotency_mismatch`",
    503: "try again after `Retry-After` seconds; a command with the same `Idempotency-Key`",
}
_READ = (400, 401, 404, 422, 503)
_WRITE = (400, 401, 404, 409, 413, 415, 422, 429, 503)


class Pending(msgspec.Struct):
    """A command that is durable and will be carried out, once."""

    command: Annotated[str, Meta(description="Its answer will be at `/commands/{command}`.")]
    status: Annotated[str, Meta(description="Always pending.")]


class Described:
    """Describes routes; `refusals` by status are those that only these have."""

    def __init__(self, refusals: Mapping[int, str]) -> None:
        self._refusals = _REFUSALS | dict(refusals)

    def reads(self, answer: type | None = None) -> Responses:
        """Describe a route that only reads."""
        found = ResponseSpec(answer, generate_examples=False, description="What was asked for")
        return self._refused(_READ) | ({} if answer is None else {200: found})

    def writes(self, status: int, answer: type | None) -> Responses:
        """Describe a route that does at once what it is for."""
        return self._refused(_WRITE) | {status: ResponseSpec(answer, generate_examples=False, description="It is done")}

    def commands(self, status: int, answer: type | None, *, tries: bool = False) -> Responses:
        """Describe a route that gives a command, or only `tries` what it would come to."""
        found = {
            status: ResponseSpec(answer, generate_examples=False, description="It was carried out"),
            202: ResponseSpec(Pending, description="It will be carried out, once: look at `Location` for the answer"),
        }
        if tries:
            found[200] = ResponseSpec(
                dict[str, Any], generate_examples=False, description="With `dry_run`: what it would come to"
            )
        return self._refused(self._refusals) | found

    def _refused(self, statuses: Mapping[int, str] | tuple[int, ...]) -> Responses:
        return {
            status: ResponseSpec(ProblemDocument, description=self._refusals[status], media_type=_PROBLEM)
            for status in statuses
            if status in self._refusals
        }
