"""`docs/asyncapi.json` against the code that makes it, and the page's examples against the types they are of."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

import msgpack
import msgspec
import pytest
from msgspec.structs import fields

from gateway.live import asyncapi, commands, messages

Json = dict[str, Any]
PAGE = asyncapi.PAGE.read_text(encoding="utf-8")
DOCUMENT = asyncapi.document(PAGE)
COMPONENTS: Json = DOCUMENT["components"]
EXAMPLES = asyncapi.stream_examples(PAGE)
KINDS = (*commands.COMMANDS, *messages.MESSAGES)

each_kind = pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, f"{kind.__name__}Command") for kind in commands.COMMANDS),
        *((kind, kind.__name__) for kind in messages.MESSAGES),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
ANY_MESSAGE = msgspec.json.Decoder(Union[messages.MESSAGES])  # noqa: UP007  # of as many types as there are


def test_the_kept_document_is_what_the_code_makes(root: Path) -> None:
    kept = (root / "docs/asyncapi.json").read_text(encoding="utf-8")
    assert kept == asyncapi.encoded(PAGE), "make it anew: python -m gateway.live.asyncapi > docs/asyncapi.json"


def test_the_program_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    asyncapi.main()
    assert json.loads(capsys.readouterr().out) == DOCUMENT


@pytest.mark.parametrize("example", [each for each in EXAMPLES if "action" in each], ids=lambda each: each["action"])
def test_every_command_of_the_page_is_one(example: Json) -> None:
    read = commands.read_json(json.dumps(example))
    assert read == commands.read_msgpack(msgpack.packb(example))


@pytest.mark.parametrize("example", [each for each in EXAMPLES if "type" in each], ids=lambda each: each["type"])
def test_every_message_of_the_page_is_written_so(example: Json) -> None:
    """A field that there is not, or one that is left out as it has its default, would not come back."""
    message = ANY_MESSAGE.decode(json.dumps(example))
    assert json.loads(msgspec.json.encode(message)) == example
    assert msgpack.unpackb(msgspec.msgpack.encode(message)) == example


def test_every_example_is_in_the_document() -> None:
    described = [example["payload"] for each in COMPONENTS["messages"].values() for example in each["examples"]]
    assert sorted(map(json.dumps, described)) == sorted(map(json.dumps, EXAMPLES))


@each_kind
def test_every_message_is_described_and_shown(kind: type[msgspec.Struct], name: str) -> None:
    described = COMPONENTS["messages"][name]
    assert described["name"] == kind.__struct_config__.tag
    assert described["summary"] == kind.__doc__
    key = kind.__struct_config__.tag_field
    assert {example["payload"][key] for example in described["examples"]} == {described["name"]}


@each_kind
def test_every_field_is_shown_once_at_least(kind: type[msgspec.Struct], name: str) -> None:
    shown = {field for example in COMPONENTS["messages"][name]["examples"] for field in example["payload"]}
    assert shown == {kind.__struct_config__.tag_field} | {field.encode_name for field in fields(kind)}


@pytest.mark.parametrize(
    "kind",
    [
        messages.QuoteUpdate,
        messages.DepthUpdate,
        messages.TradesUpdate,
        messages.Print,
        messages.CandlesUpdate,
        messages.Candle,
    ],
)
def test_every_short_field_is_described_and_shown(kind: type[msgspec.Struct]) -> None:
    properties = COMPONENTS["schemas"][kind.__name__]["properties"]
    names = [field.encode_name for field in fields(kind)]
    assert [name for name, schema in properties.items() if schema["description"]] == names
    frames = [example for example in EXAMPLES if example.get("type") in {"snapshot", "update"}]
    assert set(names) <= set(_keys(frames))


def test_both_ways_have_their_messages() -> None:
    by_action = {each["action"]: _named(each["messages"]) for each in DOCUMENT["operations"].values()}
    assert by_action == {
        "receive": [f"{kind.__name__}Command" for kind in commands.COMMANDS],
        "send": [kind.__name__ for kind in messages.MESSAGES],
    }
    assert [*by_action["receive"], *by_action["send"]] == list(DOCUMENT["channels"]["stream"]["messages"])


def test_every_reference_leads_somewhere() -> None:
    references = list(_references(DOCUMENT))
    assert len(references) > len(KINDS)
    for reference in references:
        target: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


def test_schemas_are_of_the_draft_that_asyncapi_knows() -> None:
    """Draft 7 has `items` for an array of fixed length, and nothing beside a reference."""
    assert "prefixItems" not in set(_keys(COMPONENTS))
    (level,) = {
        json.dumps(COMPONENTS["schemas"]["DepthUpdate"]["properties"][side]["items"]) for side in ("bids", "asks")
    }
    assert json.loads(level) == {
        "type": "array",
        "minItems": 3,
        "maxItems": 3,
        "items": [{"type": "number"}, {"type": "number"}, {"type": "integer"}],
        "additionalItems": False,
    }


def test_both_encodings_are_named() -> None:
    channel = DOCUMENT["channels"]["stream"]
    content_types = {name: each["contentType"] for name, each in channel["x-subprotocols"].items()}
    assert content_types == {"tickmesh.json": "application/json", "tickmesh.msgpack": "application/vnd.msgpack"}
    assert DOCUMENT["defaultContentType"] == content_types["tickmesh.json"]
    offered = channel["bindings"]["ws"]["headers"]["properties"][COMPONENTS["securitySchemes"]["accessToken"]["name"]]
    assert [each.partition(",")[0] for each in offered["examples"]] == list(content_types)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (PAGE.replace('{"type": "pong"}', '{"type": "pang"}'), "neither a command nor a message: {'type': 'pang'}"),
        (PAGE.replace('```json\n{"type": "pong"}\n```', ""), "no example of Pong"),
        (PAGE.replace("### Print fields", "### Prints"), "no heading 'Print fields'"),
    ],
)
def test_a_page_that_does_not_fit_is_refused(page: str, complaint: str) -> None:
    with pytest.raises(asyncapi.PageError, match=complaint):
        asyncapi.document(page)


def _named(references: list[Json]) -> list[str]:
    return [each["$ref"].rpartition("/")[2] for each in references]


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            assert len(node) == 1, node
            yield node["$ref"]
        for each in node.values():
            yield from _references(each)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _keys(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for each in node.values():
            yield from _keys(each)
    elif isinstance(node, list):
        for each in node:
            yield from _keys(each)
