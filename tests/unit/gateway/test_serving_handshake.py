"""The opening handshake: what is plainly right is agreed to as the library would, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Response
from websockets.streams import StreamReader
from websockets.utils import accept_key as librarys_accept_key
from websockets.utils import generate_key

from gateway.serving.handshake import Headers, accept_key, agreement

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
PLAIN: Headers = [
    (b"host", b"x"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
]


def test_the_key_of_the_rfc() -> None:
    assert accept_key("GET", "1.1", b"/stream", PLAIN) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@given(st.builds(generate_key))
def test_every_key_is_accepted_as_the_library_does(key: str) -> None:
    headers = [*PLAIN[:3], (b"sec-websocket-key", key.encode()), PLAIN[4]]
    assert accept_key("GET", "1.1", b"/", headers) == librarys_accept_key(key).encode()


@pytest.mark.parametrize("spelled", [b"WebSocket", b"WEBSOCKET"])
def test_case_does_not_matter(spelled: bytes) -> None:
    assert accept_key("GET", "1.1", b"/", [each for each in PLAIN if each[0] != b"upgrade"] + [(b"upgrade", spelled)])


@pytest.mark.parametrize(
    ("method", "version", "url"), [("POST", "1.1", b"/"), ("GET", "1.0", b"/"), ("GET", "1.1", b"/caf\xe9")]
)
def test_another_request_line_is_not_plain(method: str, version: str, url: bytes) -> None:
    assert accept_key(method, version, url, PLAIN) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"sec-websocket-key", b""),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZQ=="),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25j*Q=="),
        (b"sec-websocket-version", b"8"),
        (b"upgrade", b"h2c"),
        (b"upgrade", b"websocket, h2c"),
    ],
)
def test_another_value_is_not_plain(name: bytes, value: bytes) -> None:
    assert accept_key("GET", "1.1", b"/", [(name, value) if each[0] == name else each for each in PLAIN]) is None


@pytest.mark.parametrize("missing", [b"sec-websocket-key", b"sec-websocket-version", b"upgrade"])
def test_what_is_missing_or_said_twice_is_not_plain(missing: bytes) -> None:
    assert accept_key("GET", "1.1", b"/", [each for each in PLAIN if each[0] != missing]) is None
    assert accept_key("GET", "1.1", b"/", [*PLAIN, *(each for each in PLAIN if each[0] == missing)]) is None


def test_too_much_is_not_plain() -> None:
    assert accept_key("GET", "1.1", b"/", [*PLAIN, *[(b"x", b"y")] * 123])
    assert accept_key("GET", "1.1", b"/", [*PLAIN, *[(b"x", b"y")] * 124]) is None
    assert accept_key("GET", "1.1", b"/", [*PLAIN, (b"x", b"y" * 8000)]) is None


def test_an_agreement_is_read_by_the_library() -> None:
    reader = StreamReader()
    reader.feed_data(agreement(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", [(b"date", b"now"), (b"Sec-WebSocket-Protocol", b"p")]))
    parser = Response.parse(reader.read_line, reader.read_exact, reader.read_to_eof, proxy=True)
    with pytest.raises(StopIteration) as read:
        next(parser)
    response = read.value.value
    assert response.status_code == 101
    assert dict(response.headers.raw_items()) == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "date": "now",
        "Sec-WebSocket-Protocol": "p",
    }
