"""A fold's state as bytes: a table of contents, then every column in the form in which it packs best.

`TMC1`, the schema as two bytes, the length of the contents as four, the contents as JSON, then the columns, each
compressed. Whole numbers are laid out byte by byte of equal weight, so that the high ones, nearly all zero, take no
room. Prices that are whole ten-thousandths are written as such.
"""

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = b"TMC1"
SCHEMA = 2  # of the fold's state: one that is not this is not read, and the tape is folded again
_TICKS = 10_000.0
_MAX_TICKS = 2.0**52
_NEAR_OPEN = ("high", "low", "close")

Column = npt.NDArray[Any]


class CodecError(ValueError):
    """Bytes are not a state of this schema."""


def encode(facts: Mapping[str, Any], columns: Mapping[str, Column]) -> bytes:
    """Write a state; takes time, most of it outside the interpreter's lock."""
    contents, packed = [], []
    for name, column in columns.items():
        coding, planes = _pack(column, columns.get(_base_of(name)))
        contents.append([name, column.dtype.str, column.shape, coding, [len(plane) for plane in planes]])
        packed += planes
    head = json.dumps({"facts": facts, "columns": contents}).encode()
    return b"".join([MAGIC, SCHEMA.to_bytes(2, "big"), len(head).to_bytes(4, "big"), head, *packed])


def decode(data: bytes) -> tuple[dict[str, Any], dict[str, Column]]:
    """Read the facts and columns that `encode` wrote; raises CodecError for anything else."""
    if data[:4] != MAGIC:
        raise CodecError(f"a state begins with {MAGIC!r}, not with {data[:4]!r}")
    if int.from_bytes(data[4:6], "big") != SCHEMA:
        raise CodecError(f"the state's schema is {int.from_bytes(data[4:6], 'big')}, not {SCHEMA}")
    columns: dict[str, Column] = {}
    try:
        at = 10 + int.from_bytes(data[6:10], "big")
        head = json.loads(data[10:at])
        for name, dtype, shape, coding, lengths in head["columns"]:
            planes = []
            for length in lengths:
                planes.append(data[at : at + length])
                at += length
            columns[name] = _unpack(planes, np.dtype(dtype), shape, coding, columns.get(_base_of(name)))
        return head["facts"], columns
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise CodecError(f"the state cannot be read: {error}") from error


def _base_of(name: str) -> str:
    """Give the column from which a price differs little: a bar's open is written before its other prices."""
    group, _, kind = name.rpartition(".")
    return f"{group}.open" if kind in _NEAR_OPEN else ""


def _pack(column: Column, base: Column | None) -> tuple[str, list[bytes]]:
    ticks = _ticks(column) if column.dtype == np.float64 else None
    if ticks is None:
        return "plain", _planes(column)
    base_ticks = None if base is None else _ticks(base)
    return ("ticks", _planes(ticks)) if base_ticks is None else ("near", _planes(ticks - base_ticks))


def _ticks(prices: Column) -> Column | None:
    """Give prices in ten-thousandths, None where that would not bring back every one to the last bit."""
    with np.errstate(over="ignore"):
        ticks = np.rint(prices * _TICKS)
    is_whole = (np.abs(ticks) < _MAX_TICKS).all() and (ticks / _TICKS == prices).all()
    return ticks.astype(np.int64) if is_whole else None


def _unpack(planes: list[bytes], dtype: np.dtype[Any], shape: list[int], coding: str, base: Column | None) -> Column:
    whole = dtype if coding == "plain" else np.dtype(np.int64)
    laid_out = np.zeros((whole.itemsize, math.prod(shape)), np.uint8)
    for plane, packed in zip(laid_out, planes, strict=True):
        if packed:
            plane[:] = np.frombuffer(zlib.decompress(packed), np.uint8)
    column: Column = np.ascontiguousarray(laid_out.T).reshape(-1).view(whole).reshape(shape)
    if coding == "near" and base is not None:
        column = column + np.rint(base * _TICKS).astype(np.int64)
    return column if coding == "plain" else column / _TICKS


def _planes(column: Column) -> list[bytes]:
    """Part a column's bytes by their weight, each compressed, nothing where all are zero."""
    flat = np.ascontiguousarray(column).reshape(-1)
    planes = np.ascontiguousarray(flat.view(np.uint8).reshape(-1, column.dtype.itemsize).T)
    return [zlib.compress(plane, 1) if plane.any() else b"" for plane in planes]
