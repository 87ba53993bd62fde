"""What a client holds of quotes, read as fast as a test of a thousand clients needs it."""

import msgspec

from tests.integration.gateway.running import Gateway, until

SLOW_TIMEOUT_S = 1.0
RECEIVE_BUFFER_BYTES = 4096  # so that the gateway soon feels that nobody reads


class Entry(msgspec.Struct):
    """What these tests look at in an entry."""

    s: str
    q: int
    r: int


class Data(msgspec.Struct):
    """A message, and its quotes."""

    type: str
    quote: list[Entry] = []
    code: str = ""


read_json = msgspec.json.Decoder(Data).decode
read_packed = msgspec.msgpack.Decoder(Data).decode


class Holder:
    """Holds the newest sequence of each symbol, and fails on any that goes back; counts what came."""

    def __init__(self) -> None:
        self.highest: dict[str, int] = {}
        self.updates = self.frames = 0
        self.newest_us = 0
        self.told: list[Data] = []

    def take(self, message: bytes) -> None:
        data = read_json(message)
        if data.type not in {"snapshot", "update"}:
            self.told.append(data)
            return
        self.frames += data.type == "update"
        self.updates += len(data.quote)
        for entry in data.quote:
            assert entry.q >= self.highest.get(entry.s, 0), f"{entry.s} goes back"
            self.highest[entry.s] = entry.q
            self.newest_us = max(self.newest_us, entry.r)

    async def has(self, wanted: dict[str, int], within_s: float = 20.0) -> None:
        """Wait until all that is wanted, or newer, is held."""

        async def is_held() -> bool:
            return all(self.highest.get(name, -1) >= sequence for name, sequence in wanted.items())

        await until(is_held, "it has caught up", within_s)


async def slow_clients(gateway: Gateway, count: int) -> None:
    """Wait until the gateway has found so many of its clients slow."""

    async def are_slow() -> bool:
        return await gateway.figure("slow_clients") == count

    await until(are_slow, f"{count} are slow")
