"""`GET /quotes/{symbol}` and `GET /prices/{symbol}`: the present value of one instrument."""

import time

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from gateway.images import Image, depth_image, iso, quote_image
from gateway.problems import Problem
from gateway.upstream import UnknownSymbolError, Upstream
from market.instrument import Instrument
from market.symbols import SymbolError

_ANSWER_AGAIN_S = {"Retry-After": "1"}


class Price(msgspec.Struct, frozen=True):
    """The last price of an instrument; null where it has not traded."""

    symbol: str
    price: float | None
    currency: str
    exchange_timestamp: str | None
    server_timestamp: str | None


class QuotesController(Controller):
    """Quotes and prices on request."""

    tags = ["quotes"]  # noqa: RUF012  # Litestar's own way to tag a controller

    @get("/quotes/{symbol:path}", summary="Full quote and depth")
    async def quote(self, symbol: FromPath[str], upstream: NamedDependency[Upstream]) -> Image:
        """Answer with the instrument's whole state and, where the venue publishes it, ten levels of depth."""
        instrument = find(upstream, symbol)
        present = await upstream.present(instrument)
        if present is None:
            raise _no_quote(instrument)
        state, levels = present
        image = quote_image(instrument, state)
        return {
            **image,
            "name": instrument.listing.name,
            "currency": instrument.listing.currency,
            **_change(image["last"], image["prev_close"]),
            "server_timestamp": iso(time.time_ns()),
            "depth": depth_image(levels),
        }

    @get("/prices/{symbol:path}", summary="Last price")
    async def price(self, symbol: FromPath[str], upstream: NamedDependency[Upstream]) -> Price:
        """Answer with the last price alone."""
        instrument = find(upstream, symbol)
        state = await upstream.latest(instrument)
        if state is None:
            raise _no_quote(instrument)
        last = float(state["last"][0])
        return Price(
            symbol=str(instrument.key),
            price=None if last != last else last,  # noqa: PLR0124  # NaN, an unknown price, is not itself
            currency=instrument.listing.currency,
            exchange_timestamp=iso(int(state["ts_event"][0])),
            server_timestamp=iso(time.time_ns()),
        )


def find(upstream: Upstream, path: str) -> Instrument:
    """Find the instrument that the rest of a path names, slashes and all (`/BF/B`); raises Problem."""
    symbol = path.removeprefix("/")
    try:
        return upstream.resolve(symbol)
    except SymbolError as error:
        raise Problem(400, "invalid_symbol", str(error)) from None
    except UnknownSymbolError as error:
        raise Problem(404, "unknown_symbol", str(error), symbol=symbol[:80]) from None


def _no_quote(instrument: Instrument) -> Problem:
    text = f"no quote of {instrument.key} can be had now: its feed does not answer and nothing is cached"
    return Problem(503, "no_quote", text, headers=_ANSWER_AGAIN_S, symbol=str(instrument.key))


def _change(last: object, prev_close: object) -> dict[str, float | None]:
    if not isinstance(last, float) or not isinstance(prev_close, float) or not prev_close:
        return {"change": None, "change_percent": None}
    change = last - prev_close
    return {"change": round(change, 6), "change_percent": round(100 * change / prev_close, 4)}
