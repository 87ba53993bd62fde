"""`GET /candles/{symbol}`: candles and indicators on request."""

import time
from collections import OrderedDict
from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, QueryParameter

from gateway.charts.answer import Answer, Form, answer
from gateway.charts.query import ChartQuery, read_query
from gateway.charts.reader import ChartReader
from gateway.rest.quotes import find
from gateway.upstream import Upstream
from market.instrument import Instrument

_KEPT_BYTES = 64 << 20
_KEPT_S = 60.0  # as long as clients are told that they may


class Charts:
    """Answers requests for candles, the settled ones of the last minute from memory."""

    def __init__(self, reader: ChartReader) -> None:
        self._reader = reader
        self._kept: OrderedDict[tuple[int, ChartQuery, Form], tuple[float, Answer]] = OrderedDict()
        self._kept_bytes = 0

    async def answer(self, instrument: Instrument, query: ChartQuery, form: Form, now_s: float) -> Answer:
        """Answer one request; raises Problem."""
        key = int(instrument.number), query, form
        until_s, kept = self._kept.get(key, (0.0, None))
        if kept is not None and now_s < until_s:
            self._kept.move_to_end(key)
            return kept
        made = answer(instrument, query, await self._reader.read(instrument, query), form)
        self._drop(key)
        if made.is_settled:
            self._kept[key] = now_s + _KEPT_S, made
            self._kept_bytes += len(made.body)
            while self._kept_bytes > _KEPT_BYTES:
                self._drop(next(iter(self._kept)))
        return made

    def _drop(self, key: tuple[int, ChartQuery, Form]) -> None:
        _, kept = self._kept.pop(key, (0.0, None))
        if kept is not None:
            self._kept_bytes -= len(kept.body)


class ChartsController(Controller):
    """Candles on request."""

    tags = ["candles"]  # noqa: RUF012  # Litestar's own way to tag a controller

    @get("/candles/{symbol:path}", summary="Candles and indicators", media_type=Form.JSON.value)
    async def candles(
        self,
        symbol: FromPath[str],
        upstream: NamedDependency[Upstream],
        charts: NamedDependency[Charts],
        interval: Annotated[str, QueryParameter(description="1m, 5m, 15m, 1h, 1d, 1w or 1M")] = "1m",
        start: Annotated[
            str | None, QueryParameter(description="The first start: ISO 8601 with zone, or seconds")
        ] = None,
        end: Annotated[str | None, QueryParameter(description="All start before it: likewise")] = None,
        limit: Annotated[str, QueryParameter(description="1 to 5000 candles")] = "500",
        indicators: Annotated[
            str, QueryParameter(description="sma:N, ema:N, rsi:N, macd:F:S:G, bbands:N:K, vwap; comma-separated")
        ] = "",
        fill: Annotated[str, QueryParameter(description="none or previous")] = "none",
        session: Annotated[str, QueryParameter(description="all, regular or extended")] = "all",
        accept: Annotated[str, HeaderParameter(name="Accept", description="JSON, msgpack or CSV")] = "",
        if_none_match: Annotated[str, HeaderParameter(name="If-None-Match", description="An ETag had before")] = "",
    ) -> Response[bytes]:
        """Answer with candles, oldest first, as columns; with `start` the oldest from then on, else the newest."""
        query = read_query(interval, start, end, limit, indicators, fill, session, time.time_ns())
        made = await charts.answer(find(upstream, symbol), query, Form.of(accept), time.monotonic())
        if made.is_known(if_none_match):
            return Response(b"", status_code=304, headers=made.headers, media_type=made.form.value)
        return Response(made.body, headers=made.headers, media_type=made.form.value)
