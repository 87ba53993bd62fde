"""Messages that a broken or hostile client might send, from a seed: the same seed gives the same messages."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import msgpack
from websockets.frames import Frame, Opcode

_ACTIONS = ("auth", "subscribe", "unsubscribe", "reconnect", "snapshot", "rate", "ping", "fly", "")
_CHANNELS = ("quote", "depth", "trades", "candles:1m", "candles", "")
_FIELDS = ("action", "symbols", "channel", "rate", "last_seen", "epoch", "token", "x")
_NUMBERS = (0, 1, -1, 0.1, 20, 1e308, -0.0, 2**31, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -(2**63))
_ODD = (*_NUMBERS, None, True, False, float("inf"), float("nan"))
_TIMES = ("2020-01-01T00:00:00Z", "2099-12-31T23:59:59.999999999+14:00", "0001-01-01T00:00:00+23:59", "now", "")
_WORDS = (*_ACTIONS, *_CHANNELS, *_TIMES, "*", ">", "XNAS:*", ":", "A B", "\x00", "日経", "\ud800")
_MOST_BYTES = 60_000


class Fuzz:
    """Makes frames; `symbols` are those that there are."""

    def __init__(self, seed: int, symbols: Sequence[str]) -> None:
        self._random = Random(seed)
        self._symbols = symbols

    def frames(self, *, packed: bool) -> list[bytes]:
        """Make the frames of one message, of the connection's kind nearly always, and of control frames in it."""
        random = self._random
        data = self._message(packed=packed if random.random() < 0.95 else not packed)[:_MOST_BYTES]
        is_text = not packed if random.random() < 0.95 else packed
        if is_text:
            data = data.decode(errors="replace").encode()  # what is not UTF-8 would end the connection
        parts = self._parts(data)
        opcodes = [Opcode.TEXT if is_text else Opcode.BINARY] + [Opcode.CONT] * (len(parts) - 1)
        frames = [
            Frame(opcode, part, fin=place == len(parts)).serialize(mask=True)
            for place, (opcode, part) in enumerate(zip(opcodes, parts, strict=True), 1)
        ]
        if random.random() < 0.02:  # legal anywhere, and few enough
            kind = random.choice((Opcode.PING, Opcode.PONG))
            frames.insert(random.randrange(len(frames) + 1), self.control(kind))
        return frames

    def control(self, kind: Opcode) -> bytes:
        """Make a ping or a pong."""
        return Frame(kind, self._random.randbytes(self._random.randrange(126))).serialize(mask=True)

    def _parts(self, data: bytes) -> list[bytes]:
        if self._random.random() > 0.1:
            return [data]
        cuts = sorted(self._random.randrange(len(data) + 1) for _ in range(self._random.randrange(1, 5)))
        return [data[low:high] for low, high in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def _message(self, *, packed: bool) -> bytes:
        random = self._random
        match random.randrange(6):
            case 0:
                return random.randbytes(random.choice((1, 10, 100, 1000)))
            case 1:
                return _encoded(self._anything(5), packed=packed)
            case 2:
                return _encoded(self._bent(self._command()), packed=packed)
            case 3:
                return self._broken(_encoded(self._command(), packed=packed))
            case _:
                return _encoded(self._command(), packed=packed)

    def _command(self) -> dict[str, Any]:
        """Make a command of the right form."""
        random = self._random
        symbols = random.choices(self._symbols, k=random.choice((1, 2, 10)))
        if random.random() < 0.1:
            symbols[0] = random.choice(_WORDS[:-1])
        channel = random.choice(_CHANNELS[:3])
        return random.choice(
            (
                {"action": "subscribe", "symbols": symbols, "channel": channel, "rate": 5},
                {"action": "subscribe", "symbols": symbols},
                {"action": "unsubscribe", "symbols": symbols, "channel": channel},
                {"action": "unsubscribe", "symbols": list(self._symbols), "channel": channel},
                {"action": "reconnect", "last_seen": {name: self._seen() for name in symbols}, "channel": channel},
                {"action": "reconnect", "last_seen": {name: self._seen() for name in symbols}, "epoch": "another"},
                {"action": "snapshot", "symbols": symbols, "channel": channel},
                {"action": "rate", "rate": random.choice((0.1, 1, 20, 100))},
                {"action": "auth", "token": "e30.e30." + random.randbytes(9).hex()},
                {"action": "ping"},
            )
        )

    def _seen(self) -> int | str:
        random = self._random
        seen: int | str = random.choice((*_TIMES, 0, 2**63 - 1, 2**63, 2**64 - 1))
        return seen if random.random() < 0.4 else random.randrange(1 << random.randrange(1, 64))

    def _bent(self, command: dict[str, Any]) -> dict[Any, Any]:
        """Give one field another value, or another name, or none."""
        random = self._random
        field = random.choice((*command, *_FIELDS))
        match random.randrange(4):
            case 0:
                command.pop(field, None)
            case 1:
                command[random.choice(_FIELDS)] = command.pop(field, None)
            case _:
                command[field] = self._anything(3)
        return command

    def _broken(self, data: bytes) -> bytes:
        """Flip, drop, add or repeat some bytes."""
        random, broken = self._random, bytearray(data)
        for _ in range(random.choice((1, 1, 2, 8))):
            at = random.randrange(len(broken) + 1)
            match random.randrange(4):
                case 0:
                    broken[at : at + 1] = random.randbytes(1)
                case 1:
                    del broken[at : at + random.randrange(1, 9)]
                case 2:
                    broken[at:at] = random.randbytes(random.randrange(1, 9))
                case _:
                    broken[at:at] = broken[at : at + 20] * random.randrange(1, 9)
        return bytes(broken)

    def _anything(self, depth: int) -> Any:  # noqa: ANN401  # any value at all is what it is for
        random = self._random
        if depth and random.random() < 0.3:
            length = random.randrange(6)
            if random.random() < 0.5:
                return [self._anything(depth - 1) for _ in range(length)]
            return {random.choice(_FIELDS): self._anything(depth - 1) for _ in range(length)}
        text = "".join(map(chr, random.choices(range(0x20, 0x2000), k=random.randrange(40))))
        whole = random.randrange(1 << random.randrange(1, 64))
        words, odd = random.choice(_WORDS), random.choice(_ODD)
        return random.choice((text, whole, random.random() * 10.0 ** whole.bit_count(), words, odd, *self._symbols[:2]))


def _encoded(value: object, *, packed: bool) -> bytes:
    if packed:
        return bytes(msgpack.packb(value, default=str, unicode_errors="surrogatepass"))
    return json.dumps(value).encode()
