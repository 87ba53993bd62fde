"""Frames, read back by an independent parser of the NATS protocol as the server reads it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.symbols import SymbolKey
from mesh.frames import SubjectTable

Message = tuple[str, bytes]

symbols = st.text("ABCxyz019-_.*>=/日", min_size=1, max_size=10)
# The number of an instrument -> its tokens; lengths from the shortest name to the longest.
listed = st.dictionaries(
    st.integers(0, 300), st.tuples(st.from_regex(r"[A-Z0-9]{4}", fullmatch=True), symbols), min_size=1, max_size=12
).map(lambda names: {number: SymbolKey(*name).token for number, name in names.items()})


def published(data: bytes) -> list[Message]:
    """Parse `PUB <subject> <bytes>` commands: arguments are parted by any run of spaces."""
    messages, at = [], 0
    while at < len(data):
        line_end = data.index(b"\r\n", at)
        command, subject, size = data[at:line_end].split()
        assert command == b"PUB"
        start, end = line_end + 2, line_end + 2 + int(size)
        assert data[end : end + 2] == b"\r\n"
        messages.append((subject.decode(), data[start:end]))
        at = end + 2
    return messages


def per_subject(messages: list[Message]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for subject, payload in messages:
        found.setdefault(subject, []).append(payload)
    return found


@given(listed, st.integers(0, 300), st.data())
def test_frames_say_exactly_what_is_to_be_published_in_order_per_instrument(
    tokens: dict[int, str], payload_bytes: int, data: st.DataObject
) -> None:
    halves = [dict(list(tokens.items())[::2]), dict(list(tokens.items())[1::2])]
    table = SubjectTable("quote")
    for half in halves:
        table.add(half)
    numbers = data.draw(st.lists(st.sampled_from(sorted(tokens)), max_size=40))
    payloads = np.random.default_rng(7).integers(0, 256, (len(numbers), payload_bytes), np.uint8)
    frames = table.frames(np.array(numbers, np.intp), payloads)
    wanted = [(f"quote.{tokens[number]}", row.tobytes()) for number, row in zip(numbers, payloads, strict=True)]
    found = published(b"".join(frames))
    assert sorted(found) == sorted(wanted)
    assert per_subject(found) == per_subject(wanted)


@given(listed, st.integers(0, 400))
def test_a_number_without_a_subject_is_named(tokens: dict[int, str], number: int) -> None:
    table = SubjectTable("trade")
    table.add(tokens)
    numbers = np.array([min(tokens), number], np.intp)
    payloads = np.zeros((2, 3), np.uint8)
    if number in tokens:
        assert len(published(b"".join(table.frames(numbers, payloads)))) == 2
    elif number < max(tokens):
        with pytest.raises(KeyError, match=f"instrument {number} has no subject"):
            table.frames(numbers, payloads)
