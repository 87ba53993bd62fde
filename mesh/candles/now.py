"""Present candles for whoever asks: those that are open, and those that are not in the tables for sure.

`candlenow.<partition>` is answered by the partition's owner, on the connection that it publishes on: what it published
before is there before the answer. A request is instrument numbers, 4 bytes each, big-endian; the answer CANDLE rows.
"""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from market import rows, subjects
from market.candles.candles import Candles, from_rows, to_rows
from market.row_type import RowError

MAX_NUMBERS = 1000
_NUMBER = np.dtype(">u4")

U4 = npt.NDArray[np.uint32]


async def ask(
    client: Client, numbers: Sequence[int] | U4, partitions: int, timeout_s: float = 1.0
) -> tuple[Candles, set[int]]:
    """Ask for the present candles of instruments; also tells which of their partitions answered for all of theirs."""
    wanted = np.asarray(numbers, np.uint32)
    homes = subjects.partitions_of(wanted, partitions)
    asked = [(int(partition), chunk) for partition in np.unique(homes) for chunk in _chunks(wanted[homes == partition])]
    answers = await asyncio.gather(*(_ask_one(client, partition, chunk, timeout_s) for partition, chunk in asked))
    silent = {partition for (partition, _), answer in zip(asked, answers, strict=True) if answer is None}
    found = Candles.concat([Candles.of(0), *(answer for answer in answers if answer is not None)])
    return found, {partition for partition, _ in asked} - silent


def _chunks(numbers: U4) -> list[U4]:
    return [numbers[start : start + MAX_NUMBERS] for start in range(0, len(numbers), MAX_NUMBERS)]


async def _ask_one(client: Client, partition: int, numbers: U4, timeout_s: float) -> Candles | None:
    try:
        answer = await client.request(subjects.candle_now(partition), numbers.astype(_NUMBER).tobytes(), timeout_s)
        return from_rows(rows.CANDLE.read(answer.data))
    except (NatsError, TimeoutError, RowError):
        return None


class CandleNowServer:
    """Answers for the partitions that this process owns."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._subscriptions: dict[int, Subscription] = {}

    async def serve(self, partition: int, now: Callable[[U4], Candles]) -> None:
        """Answer for a partition with what `now(numbers)` gives."""

        async def answer(request: Msg) -> None:
            if request.reply and len(request.data) % _NUMBER.itemsize == 0:
                numbers = np.frombuffer(request.data, _NUMBER)[:MAX_NUMBERS].astype(np.uint32)
                await request.respond(to_rows(now(numbers)).tobytes())

        self._subscriptions[partition] = await self._client.subscribe(subjects.candle_now(partition), cb=answer)

    async def leave(self, partition: int) -> None:
        """Answer for a partition no more."""
        subscription = self._subscriptions.pop(partition, None)
        if subscription is not None and self._client.is_connected:
            await subscription.unsubscribe()
