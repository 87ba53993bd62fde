"""One table of everything that was measured, for a terminal and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADINGS = ("what", "measured", "target", "peer", "how receivers behaved, and notes")
_WIDTHS = (30, 36, 22, 38, 62)  # of the terminal's columns, in characters


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; `met` is None where there is no target."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    peer: str = ""
    notes: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The line's text, column by column."""
        verdict = {True: " (met)", False: " (MISSED)", None: ""}[self.met]
        return (self.what, self.measured, self.target + verdict, self.peer, self.notes)


def as_text(lines: Sequence[Line]) -> str:
    """Lay the table out for a terminal, long cells folded."""
    rule = "  ".join("-" * width for width in _WIDTHS)
    parts = [_folded(HEADINGS), rule]
    for line in lines:
        parts += [_folded(line.cells), rule]
    return "\n".join(parts)


def as_markdown(lines: Sequence[Line]) -> str:
    """Write the table in Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells for line in lines)]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows)


def _folded(cells: Sequence[str]) -> str:
    columns = [_fold(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)]
    height = max(map(len, columns))
    padded = [column + [""] * (height - len(column)) for column in columns]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, _WIDTHS, strict=True)).rstrip()
        for row in zip(*padded, strict=True)
    )


def _fold(text: str, width: int) -> list[str]:
    """Break text at spaces; a word longer than the column stands out."""
    folded = [""]
    for word in text.split():
        if folded[-1] and len(folded[-1]) + 1 + len(word) > width:
            folded.append("")
        folded[-1] = f"{folded[-1]} {word}".strip()
    return folded
