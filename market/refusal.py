"""Refusals: what a command may not do, and which field and bound say so."""

from typing import NamedTuple

MAX_PROBLEMS = 1_000


class Refused(Exception):  # noqa: N818  # a refusal is an answer, not an error of ours
    """A command, or a field of one, that changes nothing.

    `code` is for programs and never changes, `detail` for people, `field` names what to change ("" where it is none
    of the request's fields), `bounds` what was allowed, held or taken. `status` is the HTTP status to answer with:
    422 where the request alone says that it is wrong, 409 where what is kept does, 404 where it names nothing.
    """

    def __init__(self, code: str, detail: str, status: int = 422, field: str = "", **bounds: str | int | float) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.field = field
        self.bounds = bounds

    def body(self) -> dict[str, object]:
        """Return the members of the problem document that this refusal becomes."""
        named = {"field": self.field} if self.field else {}
        return {"code": self.code, "detail": self.detail, **named, **self.bounds}


class LineProblem(NamedTuple):
    """What is wrong with one line of a file, counted from 1."""

    line: int
    field: str
    reason: str
    code: str

    @classmethod
    def of(cls, line: int, refused: Refused) -> "LineProblem":
        """Say of a line what a refusal says of a command."""
        return cls(line, refused.field, refused.detail, refused.code)


def invalid(field: str, detail: str, **bounds: str | int | float) -> Refused:
    """Return the refusal of a field by its own bound."""
    return Refused("invalid_field", detail, 422, field, **bounds)
