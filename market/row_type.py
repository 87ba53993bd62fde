"""Row types: how one kind of row is laid out, as msgpack and as a numpy dtype over the same bytes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from market.codes import Kind

Rows = npt.NDArray[np.void]
# Bytes are compared a column at a time, several times the speed of a gathered matrix as long as this many rows stay in
# the processor's cache.
_CHECKED_AT_ONCE = 4096
_FEW = 512  # rows, of which a matrix costs less than a step for every column

Indices = npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_]


class RowError(ValueError):
    """Bytes are not rows of the expected type; the message names the row and the byte."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One fixed-width msgpack encoding: its marker byte and the numpy type of the bytes after it."""

    marker: int
    numpy: str
    text: str

    @property
    def width_bytes(self) -> int:
        """Give the marker and its value together."""
        return 1 + np.dtype(self.numpy).itemsize


U8 = Encoding(0xCC, ">u1", "uint 8")
U32 = Encoding(0xCE, ">u4", "uint 32")
U64 = Encoding(0xCF, ">u8", "uint 64")
I64 = Encoding(0xD3, ">i8", "int 64")
F64 = Encoding(0xCB, ">f8", "float 64")
STR8 = Encoding(0xA8, "S8", "fixstr 8")


def _header(elements: int) -> bytes:
    """Return the array's marker: fixarray to 15 elements, array 16 beyond."""
    return bytes([0x90 | elements]) if elements < 16 else b"\xdc" + elements.to_bytes(2, "big")


@dataclass(frozen=True)
class RowType:
    """The layout of one kind of row: its fields in order, each with its encoding."""

    kind: Kind
    fields: tuple[tuple[str, Encoding], ...]

    @cached_property
    def template(self) -> bytes:
        """One row with every marker and the kind in place and every value zero (blank for text)."""
        row = bytearray(_header(len(self.fields)))
        for name, encoding in self.fields:
            value = bytes([self.kind]) if name == "kind" else None
            filler = b" " if encoding is STR8 else b"\0"
            row += bytes([encoding.marker]) + (value or filler * (encoding.width_bytes - 1))
        return bytes(row)

    @cached_property
    def offsets(self) -> dict[str, int]:
        """The offset of each field's value in the row, past its marker, in bytes."""
        at, found = len(_header(len(self.fields))), {}
        for name, encoding in self.fields:
            found[name] = at + 1
            at += encoding.width_bytes
        return found

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """The numpy view of the row; markers lie in its gaps."""
        return np.dtype(
            {
                "names": [name for name, _ in self.fields],
                "formats": [encoding.numpy for _, encoding in self.fields],
                "offsets": [self.offsets[name] for name, _ in self.fields],
                "itemsize": len(self.template),
            }
        )

    @property
    def width_bytes(self) -> int:
        """The length of every row of this type."""
        return len(self.template)

    def blank(self, count: int) -> Rows:
        """Return `count` writable rows whose values are zero."""
        return np.frombuffer(bytearray(self.template * count), self.dtype)

    def read(self, data: bytes | bytearray | memoryview) -> Rows:
        """View `data` as rows without copying.

        Raises RowError, naming row and byte, where the length or a marker is not this type's.
        """
        if len(data) % self.width_bytes:
            raise RowError(f"{len(data)} bytes are not whole rows of {self.width_bytes}")
        rows = np.frombuffer(data, self.dtype)
        if len(rows):
            self.check(rows)
        return rows

    def check(self, rows: Rows, numbers: npt.NDArray[np.intp] | None = None) -> None:
        """Raise RowError, naming row and byte, where a header, marker or kind byte is not this type's.

        `numbers` are the rows' own, where they were picked from a batch.
        """
        data = as_bytes(rows)
        for start in range(0, len(rows), _CHECKED_AT_ONCE):
            part = data[start : start + _CHECKED_AT_ONCE]
            if self._is_wrong(part):
                row, at = self._first_wrong(part)
                row = start + row if numbers is None else int(numbers[start + row])
                raise RowError(f"row {row}: byte {at} is not that of a {self.name} row")

    def _is_wrong(self, data: npt.NDArray[np.uint8]) -> bool:
        if len(data) <= _FEW:
            return bool((data.take(self.fixed, axis=1) != self._fixed_bytes).any())
        return any((data[:, at] != self.template[at]).any() for at in self.fixed)

    def _first_wrong(self, data: npt.NDArray[np.uint8]) -> tuple[int, int]:
        """Find the first row with a wrong byte, and the first such byte of it."""
        wrong = data[:, self.fixed] != self._fixed_bytes
        row, column = (int(axis[0]) for axis in np.nonzero(wrong))
        return row, self.fixed[column]

    @cached_property
    def fixed(self) -> tuple[int, ...]:
        """Where bytes are the same in every row: the header, the markers, the kind."""
        fixed = np.ones(self.width_bytes, bool)
        for name, encoding in self.fields:
            if name != "kind":
                fixed[self.offsets[name] : self.offsets[name] + encoding.width_bytes - 1] = False
        return tuple(np.flatnonzero(fixed).tolist())

    @cached_property
    def _fixed_bytes(self) -> npt.NDArray[np.uint8]:
        """What they are."""
        return np.frombuffer(self.template, np.uint8)[list(self.fixed)]

    @property
    def name(self) -> str:
        """The kind's name in lower case, as documents and errors say it."""
        return self.kind.name.lower()


def as_bytes(rows: Rows) -> npt.NDArray[np.uint8]:
    """View contiguous rows as a matrix of bytes, one row a row."""
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)


def take(rows: Rows, indices: Indices) -> Rows:
    """Copy the rows at `indices` (positions or a mask), gaps included.

    Indexing a structured array may leave the bytes between its fields behind, and ours hold the markers.
    """
    return as_bytes(rows)[indices].view(rows.dtype).reshape(-1)
