"""JSON bodies of requests, read strictly: each value of its own type, and numbers digit by digit."""

import contextlib
import json
import math
import re
from typing import Any

import msgspec
from litestar import Request

from gateway.problems import Problem, invalid_field

_JSON = "application/json"
_PLACE = re.compile(r"(?P<bound>.*) - at `\$\.?(?P<field>[^`]*)`", re.DOTALL)
_NAMED = re.compile(r"Object (?P<what>missing required|contains unknown) field `(?P<field>.{1,80}?)`")


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON is read straight into what its handler takes, without the detour of Python's floats."""

    async def json(self) -> Any:  # noqa: ANN401  # whatever the handler takes
        """Read the body; raises Problem."""
        require_json(self.headers.get("content-type", ""))
        taken = self.route_handler.parsed_data_field
        try:
            return msgspec.json.decode(await self.body(), type=Any if taken is None else taken.annotation)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if (field := _not_a_number(await self.body())) is not None:
                raise invalid_field(field, "a number; JSON has none that is infinite or no number") from None
            raise Problem(400, "malformed_body", f"the body is not what its Content-Type says: {error}") from None


def require_json(content_type: str) -> None:
    """Refuse a body that does not say that it is JSON; raises Problem."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != _JSON:
        detail = f"the body must be {_JSON}, not {kind[:80] or 'without a Content-Type'}"
        raise Problem(415, "unsupported_media_type", detail)


def _invalid(message: str) -> Problem:
    """Name the field that a body has wrong, and what it may be."""
    placed = _PLACE.fullmatch(message)
    place = placed["field"][:80] if placed else ""
    if named := _NAMED.match(message):
        missing = named["what"] == "missing required"
        field = f"{place}.{named['field']}" if place else named["field"]
        return invalid_field(field, "is required" if missing else "is not a field of this request")
    return invalid_field(place or "body", placed["bound"] if placed else message)


def _not_a_number(body: bytes) -> str | None:
    """Name the field whose value is NaN or an infinity: not JSON, but many programs write it, and Python reads it."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.extend(name for name, value in pairs if isinstance(value, float) and not math.isfinite(value))

    with contextlib.suppress(ValueError, RecursionError):
        json.loads(body, object_pairs_hook=look)
        return next((name[:80] for name in found), None)
    return None
