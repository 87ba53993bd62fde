"""Files of transactions: read whole, refused line by line, recorded whole or not at all."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from litestar import Response

from gateway.accounts.tokens import Principal
from gateway.commanding.acting import as_json
from gateway.commanding.answers import told
from gateway.portfolios.commands import Commands
from gateway.portfolios.requests import Find, with_listing
from gateway.problems import Problem
from market.ledger.commands import Import, Row
from market.ledger.csv_file import read_file
from market.ledger.fields import entry_of
from market.refusal import LineProblem, Refused

CSV = "text/csv"
_WRONG = 422


class BadFile(Problem):
    """A file with lines that are wrong, each of them named; nothing of it is recorded."""

    def __init__(self, rows: int, problems: Iterable[LineProblem]) -> None:
        self.rows = rows
        self.problems = [each._asdict() for each in problems]
        first, wrong = self.problems[0]["line"], len(self.problems)
        which = f"line {first} is wrong" if wrong == 1 else f"{wrong} lines are wrong, the first is line {first}"
        detail = f"{which}; nothing was entered"
        super().__init__(_WRONG, "bad_lines", detail)

    def document(self) -> dict[str, object]:  # type: ignore[override]  # a list is a member, too
        """Return the problem document, with every line that is wrong."""
        return {**super().document(), "rows": self.rows, "problems": self.problems}


class Files:
    """Reads what users send."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def read(self, portfolio: UUID, content_type: str, body: bytes) -> Import:
        """Read a file into a command, which takes up to a tenth of a second; raises Problem."""
        kind = content_type.partition(";")[0].strip().lower()
        if kind != CSV:
            detail = f"the body must be {CSV}, not {kind[:80] or 'without a Content-Type'}"
            raise Problem(415, "unsupported_media_type", detail)
        file = read_file(body)
        problems, named = list(file.problems), list[Row]()
        for row in file.rows:
            try:
                fields = with_listing(row.fields, self._find)
                entry_of(fields)  # so that every line is named whose fields do not fit each other
                named.append(Row(row.line, fields))
            except Refused as refused:
                problems.append(LineProblem.of(row.line, refused))
        if problems:
            raise BadFile(len(file.rows), sorted(problems))
        return Import(portfolio, tuple(named))

    async def try_out(self, user: Principal, ledger: Commands, action: Import) -> Response[bytes]:
        """Say what recording a file would come to; raises Problem."""
        _, decision = await ledger.try_out(user, action)
        if decision.changes is None:
            return told(decision.answer, {})
        return as_json(msgspec.json.encode({"rows": len(action.rows), "problems": []}))
