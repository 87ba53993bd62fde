"""JSON bodies are read strictly and digit by digit, and what is wrong with one is said."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.testing import TestClient

from gateway.bodies import JsonRequest
from gateway.problems import PROBLEM_HANDLERS

JSON = "application/json"


class Payee(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class Payment(msgspec.Struct, forbid_unknown_fields=True):
    amount: Decimal
    is_urgent: bool = False
    to: list[Payee] = []


@post("/payments")
async def pay(data: JSONBody[Payment]) -> str:
    return f"{data.amount} {data.is_urgent}"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [pay], request_class=JsonRequest, exception_handlers=PROBLEM_HANDLERS, openapi_config=None, logging_config=None
    )
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


@pytest.mark.parametrize("number", ["12345678901.12345678", '"12345678901.12345678"'])
def test_a_number_has_the_digits_that_were_sent(client: TestClient[Litestar], number: str) -> None:
    body = f'{{"amount": {number}, "is_urgent": true}}'
    answer = client.post("/payments", content=body, headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert answer.text == "12345678901.12345678 True"


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 400, "malformed_body", None),
        (b"{", 400, "malformed_body", None),
        (b'{"amount": NaN}', 422, "invalid_field", "amount"),
        (b'{"amount": -Infinity}', 422, "invalid_field", "amount"),
        (b'{"amount": NaN', 400, "malformed_body", None),
        (b'{"amount": "1\xff"}', 400, "malformed_body", None),
        (b"[" * 10_000, 422, "invalid_field", "body"),
        (b'{"what":' + b"[" * 10_000, 422, "invalid_field", "what"),
        (b"null", 422, "invalid_field", "body"),
        (b"{}", 422, "invalid_field", "amount"),
        (b'{"amount": 1, "is_urgent": "true"}', 422, "invalid_field", "is_urgent"),
        (b'{"amount": 1, "is_urgent": 1}', 422, "invalid_field", "is_urgent"),
        (b'{"amount": [1]}', 422, "invalid_field", "amount"),
        (b'{"amount": 1, "more": 1}', 422, "invalid_field", "more"),
        (b'{"amount": 1, "to": [{"name": "Ada"}, {}]}', 422, "invalid_field", "to[1].name"),
        (b'{"amount": 1, "to": [{"name": "Ada", "iban": ""}]}', 422, "invalid_field", "to[0].iban"),
        (b'{"amount": 1, "to": [{"name": 1}]}', 422, "invalid_field", "to[0].name"),
    ],
)
def test_a_body_that_is_none_is_refused(
    client: TestClient[Litestar], body: bytes, status: int, code: str, field: str | None
) -> None:
    answer = client.post("/payments", content=body, headers={"Content-Type": JSON})
    found = answer.json()
    assert (answer.status_code, found["code"], found.get("field")) == (status, code, field)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_says_that_it_is_json(client: TestClient[Litestar], kind: str) -> None:
    answer = client.post("/payments", content=b'{"amount": 1}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
