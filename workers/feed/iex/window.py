"""The part of a byte stream that is in hand: refilled chunk by chunk, what was passed is dropped."""

from collections.abc import Iterable


class ByteWindow:
    """A moving view of a stream; `data[at:]` is what has been read and not passed yet."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._base = 0
        self.data = b""
        self.at = 0

    @property
    def offset(self) -> int:
        """The position in the stream, from its first byte."""
        return self._base + self.at

    @property
    def available(self) -> int:
        """How many bytes are in hand."""
        return len(self.data) - self.at

    def ensure(self, count: int) -> bool:
        """Have at least `count` bytes in hand; False where the stream ends before, with all that is left in hand."""
        if len(self.data) - self.at >= count:
            return True
        parts = [self.data[self.at :]]
        have = len(parts[0])
        for chunk in self._chunks:
            parts.append(chunk)
            have += len(chunk)
            if have >= count:
                break
        self._base += self.at
        self.at = 0
        self.data = b"".join(parts)
        return have >= count
