r"""Frames: whole batches of NATS `PUB` commands built with numpy, one matrix of bytes at a time.

    PUB quote.XNAS.AAPL      138\r\n<138 bytes>\r\n

The server accepts any run of spaces between arguments, so subjects are padded to one width and every frame of a batch
has the same length: a gather of subjects, a copy of payloads, no Python per message.
https://docs.nats.io/reference/reference-protocols/nats-protocol#pub
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes2D = npt.NDArray[np.uint8]

_CRLF = np.frombuffer(b"\r\n", np.uint8)
# Padding every subject to the longest would make one odd name cost all others; names of like length share a table.
_PAD_STEP_BYTES = 16


class SubjectTable:
    """The `PUB <subject>` beginnings of every instrument's frames under one prefix, indexed by instrument number."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"PUB {prefix}."
        self._tables: dict[int, Bytes2D] = {}
        self._width = np.zeros(0, np.int32)  # 0: a number without a subject
        self._row = np.zeros(0, np.intp)

    def add(self, tokens: dict[int, str]) -> None:
        """Give instruments their subject: number -> the `<exch>.<symbol>` tokens after the prefix."""
        if not tokens:
            return
        size = max(len(self._width), max(tokens) + 1)
        self._width, self._row = _grown(self._width, size), _grown(self._row, size)
        by_width: dict[int, list[int]] = {}
        for number, token in tokens.items():
            length = len(self._prefix) + len(token) + 1
            by_width.setdefault(-(-length // _PAD_STEP_BYTES) * _PAD_STEP_BYTES, []).append(number)
        for width, numbers in by_width.items():
            lines = b"".join((self._prefix + tokens[number]).encode().ljust(width) for number in numbers)
            table = self._tables.get(width, np.zeros((0, width), np.uint8))
            self._width[numbers] = width
            self._row[numbers] = np.arange(len(table), len(table) + len(numbers))
            self._tables[width] = np.vstack([table, np.frombuffer(lines, np.uint8).reshape(-1, width)])

    def frames(self, numbers: npt.NDArray[np.intp], payloads: Bytes2D) -> list[memoryview]:
        """Build one frame per row: `numbers` intp[n], `payloads` uint8[n, length]; a buffer per width of subject.

        Frames of one instrument keep their order. Raises KeyError for a number that was never added.
        """
        widths = self._width[numbers]
        distinct = np.unique(widths)
        if len(distinct) and distinct[0] == 0:
            raise KeyError(f"instrument {int(numbers[np.argmin(widths)])} has no subject")
        if len(distinct) == 1:
            return [self._build(int(distinct[0]), numbers, payloads)]
        return [self._build(int(width), numbers[widths == width], payloads[widths == width]) for width in distinct]

    def _build(self, width: int, numbers: npt.NDArray[np.intp], payloads: Bytes2D) -> memoryview:
        length = payloads.shape[1]
        size = np.frombuffer(b"%d\r\n" % length, np.uint8)
        body = width + len(size)
        frames = np.empty((len(numbers), body + length + len(_CRLF)), np.uint8)
        frames[:, :width] = self._tables[width][self._row[numbers]]
        frames[:, width:body] = size
        frames[:, body : body + length] = payloads
        frames[:, body + length :] = _CRLF
        return frames.reshape(-1).data


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    return np.concatenate([array, np.zeros(size - len(array), array.dtype)])
