"""Live quotes: python subscriber.py nats://127.0.0.1:4222 XNAS.AAPL XNYS.BRK=2EB (needs nats-py and msgpack)."""

import asyncio
import sys
from datetime import UTC, datetime

import msgpack
import nats


def show(origin, instrument, data):
    rows = msgpack.Unpacker()
    rows.feed(data)  # a snapshot has 20 rows of depth behind the state
    _, _, _, sequence, ts_event, _, bid, bid_size, ask, ask_size, last, *_ = next(rows)
    at = datetime.fromtimestamp(ts_event / 1e9, UTC).strftime("%H:%M:%S")
    print(f"{origin} {instrument} {at} {sequence}: {bid:.2f} x {bid_size:.0f}, {ask:.2f} x {ask_size:.0f}, {last:.2f}")


async def main(address, *instruments):
    market = await nats.connect(address)

    async def on_quote(message):  # the whole state: it replaces the one before
        show("quote", message.subject.removeprefix("quote."), message.data)

    for instrument in instruments:
        await market.subscribe(f"quote.{instrument}", cb=on_quote)
        answer = await market.request(f"snapshot.{instrument}", timeout=1)  # the present value
        if not answer.data:
            sys.exit(answer.headers["Nats-Service-Error"])
        show("snapshot", instrument, answer.data)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
