import logging
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
import pytest
from httpx import Response
from litestar import Litestar, get, post
from litestar.exceptions import (
    InternalServerException,
    NotAuthorizedException,
    NotFoundException,
    ServiceUnavailableException,
    ValidationException,
)
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.testing import TestClient

from gateway.alerts.reader import alerts_away
from gateway.charts.reader import unavailable
from gateway.commanding.answers import Taker, not_given
from gateway.portfolios.reader import ledger_away
from gateway.problems import PROBLEM_HANDLERS, Problem, ProblemDocument, invalid_field, retry_after
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey

MAX_BODY_BYTES = 100
AAPL = Instrument(InstrumentId(1), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc."))


class Order(msgspec.Struct, forbid_unknown_fields=True):
    symbol: Annotated[str, msgspec.Meta(max_length=5)]
    size: int


@post("/orders", request_max_body_size=MAX_BODY_BYTES)
async def take_order(data: JSONBody[Order]) -> None: ...


@get("/page")
async def page(limit: Annotated[int, QueryParameter(ge=1, le=100)], offset: FromQuery[int] = 0) -> None: ...


@get("/raise/{kind:str}")
async def throw(kind: FromPath[str]) -> None:
    raise {
        "problem": Problem(409, "email_taken", "taken", headers={"Retry-After": "3"}, field="email", size=2),
        "field": invalid_field("limit", "1 to 100"),
        "bug": ZeroDivisionError("secret detail"),
        "internal": InternalServerException("secret detail"),
        "missing": NotFoundException("no instrument XNAS:NONE"),
        "away": ServiceUnavailableException("the feed is away", headers={"Retry-After": "1"}),
        "login": NotAuthorizedException("log in"),
        "odd": ValidationException("an odd request"),
    }[kind]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [take_order, page, throw], exception_handlers=PROBLEM_HANDLERS, openapi_config=None, logging_config=None
    )
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def problem(answer: Response) -> dict[str, object]:
    """Return the document after checking what every one has."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = answer.json()
    msgspec.convert(document, ProblemDocument)
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:tickmesh:problem:{document['code']}"
    assert str(document["title"]).lower() == str(document["code"]).replace("_", " ")
    return document


def test_a_problem_says_all_it_holds(client: TestClient[Litestar]) -> None:
    answer = client.get("/raise/problem")
    assert answer.headers["retry-after"] == "3"
    assert problem(answer) == {
        "type": "urn:tickmesh:problem:email_taken",
        "title": "Email taken",
        "status": 409,
        "detail": "taken",
        "code": "email_taken",
        "field": "email",
        "size": 2,
    }


def test_a_field_and_its_bound(client: TestClient[Litestar]) -> None:
    document = problem(client.get("/raise/field"))
    assert (document["status"], document["code"]) == (422, "invalid_field")
    assert (document["field"], document["bound"]) == ("limit", "1 to 100")
    assert document["detail"] == "limit: 1 to 100"


@pytest.mark.parametrize(
    ("body", "field", "bound"),
    [
        ({"symbol": "AAPL"}, "size", "is required"),
        ({"symbol": "AAPL", "size": 1, "sid": 2}, "sid", "is not a field of this request"),
        ({"symbol": "AAPL", "size": "x"}, "size", "Expected `int`, got `str`"),
        ({"symbol": "AAPL.X", "size": 1}, "symbol", "Expected `str` of length <= 5"),
        ([1], "data", "Expected `object`, got `array`"),
    ],
)
def test_a_body_of_the_wrong_shape(client: TestClient[Litestar], body: object, field: str, bound: str) -> None:
    document = problem(client.post("/orders", json=body))
    assert (document["status"], document["code"]) == (422, "invalid_field")
    assert (document["field"], document["bound"]) == (field, bound)


def test_all_wrong_parameters_are_in_the_detail(client: TestClient[Litestar]) -> None:
    document = problem(client.get("/page", params={"limit": 1000, "offset": "x"}))
    assert (document["status"], document["code"]) == (422, "invalid_field")
    assert "limit: Expected `int` <= 100" in str(document["detail"])
    assert "offset: Expected `int`, got `str`" in str(document["detail"])


def test_a_missing_parameter(client: TestClient[Litestar]) -> None:
    document = problem(client.get("/page"))
    assert document["code"] in {"invalid_field", "bad_request"}
    assert "limit" in str(document["detail"])


@pytest.mark.parametrize("body", [b"{bad", b"\xff\xfe", b'{"symbol":"\\ud800"}', b"["])
def test_malformed_json(client: TestClient[Litestar], body: bytes) -> None:
    document = problem(client.post("/orders", content=body, headers={"Content-Type": "application/json"}))
    assert (document["status"], document["code"]) == (400, "malformed_body")
    assert "the body is not what its Content-Type says" in str(document["detail"])


def test_no_body_at_all(client: TestClient[Litestar]) -> None:
    document = problem(client.post("/orders"))
    assert (document["status"], document["code"]) == (400, "malformed_body")


def test_too_large_a_body_names_the_limit(client: TestClient[Litestar]) -> None:
    declared = client.post("/orders", content=b"x" * 101)
    streamed = client.post("/orders", content=iter([b"x" * 60, b"x" * 60]))
    for answer in (declared, streamed):
        document = problem(answer)
        assert (document["status"], document["code"]) == (413, "body_too_large")
        assert document["detail"] == "the request body is larger than 100 bytes"


def test_nothing_there(client: TestClient[Litestar]) -> None:
    document = problem(client.get("/nowhere"))
    assert (document["status"], document["code"]) == (404, "not_found")
    assert document["detail"] == "there is nothing at /nowhere"


def test_a_handlers_own_404_keeps_its_words(client: TestClient[Litestar]) -> None:
    document = problem(client.get("/raise/missing"))
    assert (document["code"], document["detail"]) == ("not_found", "no instrument XNAS:NONE")


def test_the_wrong_method_names_the_right_one(client: TestClient[Litestar]) -> None:
    answer = client.get("/orders")
    document = problem(answer)
    assert (document["status"], document["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]
    assert "POST" in str(document["detail"])


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("away", 503, "unavailable"), ("login", 401, "unauthenticated"), ("odd", 400, "bad_request")],
)
def test_litestars_own_exceptions(client: TestClient[Litestar], kind: str, status: int, code: str) -> None:
    document = problem(client.get(f"/raise/{kind}"))
    assert (document["status"], document["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["bug", "internal"])
def test_a_bug_is_logged_under_the_id_that_is_shown_and_nothing_else_is(
    client: TestClient[Litestar], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    with caplog.at_level(logging.ERROR, "gateway.problems"):
        answer = client.get(f"/raise/{kind}")
    document = problem(answer)
    assert (document["status"], document["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    (record,) = [record for record in caplog.records if record.name == "gateway.problems"]
    assert str(document["error_id"]) in record.getMessage()
    assert record.exc_info
    assert "secret detail" in str(record.exc_info[1])


@pytest.mark.parametrize(("seconds", "header"), [(0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (60, "60")])
def test_retry_after_is_never_too_early(seconds: float, header: str) -> None:
    assert retry_after(seconds) == {"Retry-After": header}


@pytest.mark.parametrize(
    "away",
    [
        alerts_away,
        ledger_away,
        lambda why: unavailable(AAPL, why),
        lambda why: not_given(Taker("ledger", "the ledger"), why, "a-key"),
    ],
)
def test_what_a_driver_says_is_for_the_log(away: Callable[[str], Problem], caplog: pytest.LogCaptureFixture) -> None:
    problem = away('connection to "10.1.2.3", port 5432 failed\nDETAIL:  refused')
    assert problem.status == 503
    assert not any(part in problem.detail for part in ("10.1.2.3", "5432", "DETAIL", "\n"))
    (line,) = caplog.messages
    assert line.endswith(': connection to "10.1.2.3", port 5432 failed DETAIL: refused')
