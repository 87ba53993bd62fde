"""Gzip, recognised by content: everything that can be decoded before damage is used, and the damage counted."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol

from workers.feed.adapter import SourceFaults

GZIP_MAGIC = b"\x1f\x8b"
MAX_PIECE_BYTES = 1 << 18
_GZIP_WINDOW = 31  # zlib's number for a window of 32 KiB with gzip's header and checksum around it


class _Inflater(Protocol):
    """What zlib's decompression object offers of what is used here."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...
    def copy(self) -> "_Inflater": ...


def inflate(chunks: Iterable[bytes], faults: SourceFaults) -> Iterator[bytes]:
    """Yield the bytes of a stream, decompressed where its content is gzip, in pieces of bounded size.

    A broken or cut gzip stream ends the bytes where the damage is found; `faults` counts it, with the offset in the
    compressed stream.
    """
    source = iter(chunks)
    head = b""
    for chunk in source:
        head += chunk
        if len(head) >= len(GZIP_MAGIC):
            break
    whole = chain((head,), source)
    yield from _gunzip(whole, faults) if head.startswith(GZIP_MAGIC) else whole


def _gunzip(chunks: Iterable[bytes], faults: SourceFaults) -> Iterator[bytes]:
    """Decompress one gzip member after another."""
    inflater: _Inflater = zlib.decompressobj(_GZIP_WINDOW)
    consumed = 0
    for chunk in chunks:
        rest = chunk
        while rest:
            if inflater.eof:
                if not rest.startswith(GZIP_MAGIC[:1]):
                    faults.add("gzip: bytes after the end", f"compressed offset {consumed + len(chunk) - len(rest)}")
                    return
                inflater = zlib.decompressobj(_GZIP_WINDOW)
            before = inflater.copy()
            try:
                piece = inflater.decompress(rest, MAX_PIECE_BYTES)
            except zlib.error as error:
                faults.add("gzip: broken stream", f"compressed offset {consumed + len(chunk) - len(rest)} on: {error}")
                yield _salvage(before, rest)
                return
            if piece:
                yield piece
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        consumed += len(chunk)
    if not inflater.eof:
        faults.add("gzip: cut short", f"compressed offset {consumed}")


def _salvage(inflater: _Inflater, data: bytes) -> bytes:
    """Decode `data` byte by byte up to the one that zlib refuses; a failing call returns nothing of what it had."""
    good = bytearray()
    for position in range(len(data)):
        try:
            good += inflater.decompress(data[position : position + 1], 0)
        except zlib.error:
            break
    return bytes(good)
