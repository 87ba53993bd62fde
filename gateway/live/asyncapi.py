"""The stream as an AsyncAPI 3.0 document: `python -m gateway.live.asyncapi > docs/asyncapi.json`.

Types come from the commands and messages themselves, descriptions from their docstrings and from the tables of
docs/stream-protocol.md, examples from that page alone. Pure, but for `main`.
"""

import ast
import inspect
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from gateway.live import commands, messages

PAGE = Path(__file__).parents[2] / "docs" / "stream-protocol.md"
_END_OF_STREAM = "\n## REST\n"
_FIELD_TABLES = {
    "QuoteUpdate": "Quote fields",
    "DepthUpdate": "Depth fields",
    "TradesUpdate": "Trades fields",
    "Print": "Print fields",
    "CandlesUpdate": "Candles fields",
    "Candle": "Candle fields",
    "Firing": "Firing fields",
}

Json = dict[str, Any]


class PageError(ValueError):
    """The page does not describe the stream; the message says where."""


def document(page: str) -> Json:
    """Describe the stream; `page` is the text of docs/stream-protocol.md. Raises PageError."""
    stream = page.partition(_END_OF_STREAM)[0]
    shown = _examples(stream)
    received = _described(commands.COMMANDS, "Command", shown)
    sent = _described(messages.MESSAGES, "", shown)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tickmesh live stream",
            "version": f"{messages.PROTOCOL}.0.0",
            "description": "Live quotes, trades, candles, portfolios and alerts. In words: docs/stream-protocol.md.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"gateway": _SERVER},
        "channels": {"stream": _channel(stream, [*received, *sent])},
        "operations": {
            "receiveCommand": _operation("receive", "What a client sends.", received),
            "sendMessage": _operation("send", "What the gateway sends.", sent),
        },
        "components": {
            "messages": received | sent,
            "schemas": _schemas(commands, commands.COMMANDS, "Command", stream)
            | _schemas(messages, messages.MESSAGES, "", stream),
            "securitySchemes": {"accessToken": _TOKEN},
        },
    }


def encoded(page: str) -> str:
    """Give the document as the file that is kept."""
    return msgspec.json.format(msgspec.json.encode(document(page)), indent=2).decode() + "\n"


def stream_examples(page: str) -> list[Json]:
    """Give the JSON examples of the page's part on the stream, in order."""
    blocks = re.findall(r"^```json\n(.*?)^```$", page.partition(_END_OF_STREAM)[0], re.DOTALL | re.MULTILINE)
    return [msgspec.json.decode(block, type=Json) for block in blocks]


_SERVER: Json = {
    "host": "{host}",
    "protocol": "ws",
    "description": "Any gateway. `wss` where something in front of it ends TLS.",
    "variables": {"host": {"default": "127.0.0.1:8080"}},
    "security": [{"$ref": "#/components/securitySchemes/accessToken"}],
}

_TOKEN: Json = {
    "type": "httpApiKey",
    "in": "header",
    "name": "Sec-WebSocket-Protocol",
    "description": (
        "The access token from `POST /auth/login`: offered as a further subprotocol, `bearer.` and the token, "
        "or sent as the first message, `auth`. Never in the URL."
    ),
}


def _channel(stream: str, names: Sequence[str]) -> Json:
    subprotocols = {
        _plain(name): {"contentType": _plain(content_type), "frame": frame}
        for name, _, frame, content_type in _table(stream, "Connect")
    }
    offered = {
        "type": "string",
        "description": "What the client offers: an encoding, and `bearer.` with the token. The answer is the encoding.",
        "examples": [f"{name}, bearer.eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl" for name in subprotocols],
    }
    return {
        "address": "/stream",
        "title": "Live stream",
        "description": (
            "One WebSocket for commands and messages, encoded as the subprotocol says: `contentType` is that of the "
            "default, and every message is the same in the other."
        ),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {"type": "object", "properties": {"Sec-WebSocket-Protocol": offered}},
                "bindingVersion": "0.1.0",
            }
        },
        "x-subprotocols": subprotocols,
    }


def _operation(action: str, summary: str, names: Sequence[str] | Json) -> Json:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/stream"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in names],
    }


def _described(kinds: Sequence[type[msgspec.Struct]], suffix: str, shown: dict[type, list[Json]]) -> Json:
    """Describe messages, by the names of their schemas."""
    described = {}
    for kind in kinds:
        name = f"{kind.__name__}{suffix}"
        if kind not in shown:
            raise PageError(f"{PAGE.name} has no example of {name}")
        described[name] = {
            "name": kind.__struct_config__.tag,
            "title": name,
            "summary": inspect.getdoc(kind),
            "payload": {"$ref": f"#/components/schemas/{name}"},
            "examples": [{"payload": example} for example in shown[kind]],
        }
    return described


def _examples(stream: str) -> dict[type, list[Json]]:
    by_action = {kind.__struct_config__.tag: kind for kind in commands.COMMANDS}
    by_type = {kind.__struct_config__.tag: kind for kind in messages.MESSAGES}
    shown: dict[type, list[Json]] = {}
    for example in stream_examples(stream):
        kind = by_action.get(example.get("action")) or by_type.get(example.get("type"))
        if kind is None:
            raise PageError(f"{PAGE.name} shows what is neither a command nor a message: {example!s:.80}")
        shown.setdefault(kind, []).append(example)
    return shown


def _schemas(module: ModuleType, kinds: Sequence[type[msgspec.Struct]], suffix: str, stream: str) -> Json:
    """Give the schemas of `kinds` and of what they hold; the suffix keeps a command and its answer apart."""
    _, components = msgspec.json.schema_components(kinds, ref_template=f"#/components/schemas/{{name}}{suffix}")
    schemas = {}
    for name, schema in components.items():
        notes = _notes(getattr(module, name))
        if name in _FIELD_TABLES:
            notes |= {_plain(row[0]): row[-1] for row in _table(stream, _FIELD_TABLES[name])}
        described = {
            field: each | ({"description": notes[field]} if field in notes else {})
            for field, each in schema["properties"].items()
        }
        schemas[f"{name}{suffix}"] = _draft_7(schema | {"title": f"{name}{suffix}", "properties": described})
    return schemas


def _notes(kind: type) -> dict[str, str]:
    """Read the strings that stand under the fields of a class."""
    (definition,) = (node for node in ast.parse(inspect.getsource(kind)).body if isinstance(node, ast.ClassDef))
    return {
        field.target.id: inspect.cleandoc(note.value.value)
        for field, note in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(note, ast.Expr)
        and isinstance(note.value, ast.Constant)
        and isinstance(note.value.value, str)
    }


def _draft_7(schema: object) -> Any:  # noqa: ANN401  # JSON in, the same kind of JSON out
    """Write arrays of fixed length as JSON Schema's draft 7 does, which is what AsyncAPI 3.0 knows."""
    if isinstance(schema, list):
        return [_draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "prefixItems" in schema:
        schema = {name: each for name, each in schema.items() if name not in {"prefixItems", "items"}} | {
            "items": schema["prefixItems"],
            "additionalItems": schema["items"],
        }
    return {name: _draft_7(each) for name, each in schema.items()}


def _table(stream: str, heading: str) -> list[list[str]]:
    """Read the table under a heading, without its head."""
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", stream, re.DOTALL | re.MULTILINE)
    if section is None:
        raise PageError(f"{PAGE.name} has no heading {heading!r}")
    rows = re.findall(r"^\|(.+)\|$", section[1], re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows[2:]]


def _plain(text: str) -> str:
    """Drop Markdown's code marks."""
    return text.strip("`")


def main() -> None:
    """Write the document to standard output."""
    sys.stdout.write(encoded(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
