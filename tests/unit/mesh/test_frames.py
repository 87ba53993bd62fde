"""Frames by their exact bytes."""

import numpy as np
import pytest

from mesh.frames import SubjectTable


def table(tokens: dict[int, str]) -> SubjectTable:
    made = SubjectTable("quote")
    made.add(tokens)
    return made


def payloads(*texts: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(texts), np.uint8).reshape(len(texts), -1)


def test_a_frame_is_a_padded_subject_a_size_and_the_payload() -> None:
    (frame,) = table({0: "XNAS.AAPL"}).frames(np.array([0]), payloads(b"hello"))
    assert bytes(frame) == b"PUB quote.XNAS.AAPL ".ljust(32) + b"5\r\nhello\r\n"


def test_names_of_like_length_share_one_buffer() -> None:
    numbers = np.array([0, 1, 0, 2])
    frames = table({0: "XNAS.A", 1: "XNAS.AAPL", 2: "XNAS." + "=E6" * 30}).frames(
        numbers, payloads(b"1", b"2", b"3", b"4")
    )
    assert [bytes(frame).count(b"PUB ") for frame in frames] == [3, 1]


def test_no_messages_are_no_frames() -> None:
    assert b"".join(table({0: "XNAS.A"}).frames(np.zeros(0, np.intp), np.zeros((0, 5), np.uint8))) == b""


def test_adding_nothing_is_nothing() -> None:
    with pytest.raises(IndexError):
        table({}).frames(np.array([0]), payloads(b"x"))


def test_a_number_between_known_ones_has_no_subject() -> None:
    with pytest.raises(KeyError, match="instrument 1 has no subject"):
        table({0: "XNAS.A", 2: "XNAS.C"}).frames(np.array([0, 1, 2]), payloads(b"a", b"b", b"c"))
