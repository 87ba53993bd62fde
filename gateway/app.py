"""The composition root: builds the gateway's parts once, and the Litestar application around them."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import ScalarRenderPlugin
from litestar.openapi.spec import Components
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.accounts import (
    SCHEME_NAME,
    SECURITY_SCHEME,
    AccountsController,
    AccountsService,
    AccountsSettings,
    PoolSettings,
    TokenSettings,
    open_accounts,
    require_bearer,
)
from gateway.alerts.assembly import AlertParts, open_alerts
from gateway.alerts.channel_controller import ChannelsController
from gateway.alerts.controller import AlertsController
from gateway.alerts.history_controller import HistoryController
from gateway.bodies import JsonRequest
from gateway.candle_source import CandleSource
from gateway.charts.controller import Charts, ChartsController
from gateway.charts.reader import ChartReader
from gateway.commanding.controller import CommandsController
from gateway.commanding.desk import Lookups
from gateway.live.alert_feed import AlertFeed
from gateway.live.assembly import Live, build_live
from gateway.live.origins import Origins
from gateway.live.portfolio_feed import PortfolioFeed
from gateway.live.reception import Reception
from gateway.live.socket import Socket
from gateway.live.stream import serve
from gateway.metrics import Metrics
from gateway.portfolios.assembly import Portfolios, open_portfolios
from gateway.portfolios.controller import PortfoliosController
from gateway.portfolios.transactions import TransactionsController
from gateway.problems import PROBLEM_HANDLERS
from gateway.rest.health import Dependencies, HealthController
from gateway.rest.quotes import QuotesController
from gateway.rest.symbols import SymbolsController
from gateway.search import SymbolIndex
from gateway.settings import GatewaySettings
from gateway.upstream import Upstream
from market.symbols import SymbolKey
from mesh import ops
from mesh.calendars import Calendars
from mesh.candles.cache import CandleCache
from mesh.candles.store import CandleStore
from mesh.connection import Connection, connect
from mesh.directory import Directory
from mesh.quote_cache import QuoteCache
from mesh.streams import declared, ensure

_logger = logging.getLogger(__name__)

STREAM_PATH = "/stream"
PAGE = Path(__file__).parent / "static"
_MAX_BODY_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Parts:
    """What a running gateway consists of."""

    settings: GatewaySettings
    upstream: Upstream
    live: Live
    reception: Reception
    index: SymbolIndex
    accounts: AccountsService
    charts: Charts
    portfolios: Portfolios
    alerts: AlertParts
    health: Dependencies
    metrics: Metrics


@contextlib.asynccontextmanager
async def open_parts(settings: GatewaySettings) -> AsyncIterator[Parts]:
    """Connect to everything and keep the background work going; all of it ends on leaving."""
    async with contextlib.AsyncExitStack() as stack:
        connection = await connect(settings, "gateway")
        stack.push_async_callback(connection.close)
        js = connection.jetstream()
        await ensure(js, declared(settings))
        directory = await Directory.open(js)
        cache = QuoteCache(settings.cache_url) if settings.cache_url else None
        if cache is not None:
            stack.push_async_callback(cache.close)
        accounts = await stack.enter_async_context(open_accounts(_accounts_settings(settings), time.time))
        metrics = Metrics()
        upstream = Upstream(connection, directory, cache, settings.linger_s, metrics)
        candles = _open_candles(stack, settings, connection, directory)
        calendars = await Calendars.open(js)
        charts = Charts(ChartReader(candles, calendars))
        portfolios = await open_portfolios(stack, settings, connection, upstream)
        alerts = await open_alerts(stack, settings, connection, upstream, candles, calendars)
        live = build_live(settings, connection, upstream, candles, directory.epoch, metrics)
        origins = Origins(settings.allowed_origins)
        feed, alert_feed = PortfolioFeed(connection, settings.partitions), AlertFeed(connection, alerts.reader.unseen)
        reception = Reception(
            settings, live.hub, accounts, live.admission, origins, live.fan_outs, feed, alert_feed, metrics
        )
        index = SymbolIndex(each.listing for each in directory.all())
        directory.on_added(lambda instrument: index.add(instrument.listing))

        async def disconnected() -> None:
            await live.hub.announce(is_connected=False)

        async def reconnected() -> None:
            await live.hub.announce(is_connected=True)
            await live.hub.refresh()
            await feed.refresh()
            await directory.reconnected()
            alert_feed.refresh()

        connection.on_disconnect(disconnected)
        connection.on_reconnect(reconnected)
        health = Dependencies(upstream, accounts, cache)
        parts = Parts(settings, upstream, live, reception, index, accounts, charts, portfolios, alerts, health, metrics)
        work = asyncio.create_task(_background(parts, connection))
        work.add_done_callback(end_if_failed)
        stack.push_async_callback(_end, work)
        yield parts


def _open_candles(
    stack: contextlib.AsyncExitStack, settings: GatewaySettings, connection: Connection, directory: Directory
) -> CandleSource:
    """Open what candles come from; all of it may be away."""

    def name_of(number: int) -> SymbolKey:
        instrument = directory.numbered(number)
        if instrument is None:
            raise LookupError(f"instrument {number} is not in the directory")
        return instrument.key

    store = CandleStore(settings.postgres_dsn, name_of, settings.candle_connections)
    stack.push_async_callback(store.close)
    cache = CandleCache(settings.cache_url) if settings.cache_url else None
    if cache is not None:
        stack.push_async_callback(cache.close)
    return CandleSource(connection, store, cache, settings.partitions)


def create_app(settings: GatewaySettings) -> Litestar:
    """Build the application; its parts come up and go down with its lifespan."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_parts(settings) as parts:
            app.state.parts = parts
            yield

    guarded = Router(
        "/",
        route_handlers=[
            QuotesController,
            SymbolsController,
            ChartsController,
            PortfoliosController,
            TransactionsController,
            AlertsController,
            HistoryController,
            ChannelsController,
            CommandsController,
        ],
        guards=[require_bearer(lambda connection: connection.app.state.parts.accounts.authenticate)],
        security=[{SCHEME_NAME: []}],
    )
    page = create_static_files_router("/", [PAGE], html_mode=True, include_in_schema=False) if PAGE.is_dir() else None
    return Litestar(
        [AccountsController, guarded, HealthController, *([page] if page else [])],
        lifespan=[lifespan],
        request_class=JsonRequest,
        exception_handlers=PROBLEM_HANDLERS,
        dependencies={
            "accounts": _part(lambda parts: parts.accounts),
            "alert_reader": _part(lambda parts: parts.alerts.reader),
            "alerts": _part(lambda parts: parts.alerts.commands),
            "channels": _part(lambda parts: parts.alerts.channels),
            "charts": _part(lambda parts: parts.charts),
            "files": _part(lambda parts: parts.portfolios.files),
            "installation": _part(lambda parts: parts.settings),
            "ledger": _part(lambda parts: parts.portfolios.commands),
            "lookups": _part(lambda parts: Lookups(parts.portfolios.commands, parts.alerts.commands)),
            "portfolios": _part(lambda parts: parts.portfolios.reader),
            "previews": _part(lambda parts: parts.alerts.previews),
            "records": _part(lambda parts: parts.portfolios.records),
            "upstream": _part(lambda parts: parts.upstream),
            "index": _part(lambda parts: parts.index),
            "health": _part(lambda parts: parts.health),
            "metrics": _part(lambda parts: parts.metrics),
            "parts": _part(lambda parts: parts),
        },
        openapi_config=OpenAPIConfig(
            title="Tickmesh",
            version="0.1.0",
            components=Components(security_schemes={SCHEME_NAME: SECURITY_SCHEME}),
            render_plugins=[ScalarRenderPlugin()],
        ),
        request_max_body_size=_MAX_BODY_BYTES,
        logging_config=None,
    )


def with_stream(app: Litestar) -> ASGIApp:
    """Put `WS /stream` before an application.

    What Litestar does for a request, it would hold for as long as a stream lives: some 4 KB, and a tenth of the time
    that it takes to connect.
    """

    def route(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == ScopeType.WEBSOCKET and scope["path"].rstrip("/") == STREAM_PATH:
            parts: Parts = app.state.parts
            return serve(Socket(scope, receive, send), parts.reception)
        return app(scope, receive, send)

    return route


def _part(pick: Callable[[Parts], object]) -> Provide:
    def provide(state: State) -> Any:  # noqa: ANN401  # one provider for parts of every type
        return pick(state.parts)

    return Provide(provide, sync_to_thread=False)


def _accounts_settings(settings: GatewaySettings) -> AccountsSettings:
    return AccountsSettings(
        tokens=TokenSettings(secret=settings.jwt_secret.encode()), pool=PoolSettings(dsn=settings.postgres_dsn)
    )


async def _background(parts: Parts, connection: Connection) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.upstream.run())
        tasks.create_task(ops.beat(connection, "gateway", lambda: _figures(parts)))
        tasks.create_task(parts.live.run())
        tasks.create_task(parts.reception.portfolios.run())
        tasks.create_task(parts.reception.alerts.run())


def _figures(parts: Parts) -> dict[str, object]:
    sent = [fan_out.sent for fan_out in parts.live.fan_outs.values()]
    return {
        "clients": parts.live.hub.clients,
        "subscriptions": parts.upstream.subscriptions,
        "updates": parts.upstream.updates,
        "updates_sent": sum(each.updates for each in sent),
        "frames_sent": sum(each.frames for each in sent),
        "overload_level": int(parts.live.relief.level),
    }


def end_if_failed(work: asyncio.Task[None]) -> None:
    """Let the process end, to be started anew, where its background work failed: half a gateway only looks alive."""
    if not work.cancelled() and (error := work.exception()):
        _logger.critical("the background work failed, so this gateway ends", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
