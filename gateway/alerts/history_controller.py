"""What alerts fired: the history, what was not seen of it, and what would have fired."""

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from gateway.alerts.controller import Before, Limit
from gateway.alerts.described import FiringPage, PreviewBody, Unseen, described
from gateway.alerts.previews import Previews
from gateway.alerts.reader import AlertReader, alerts_away
from gateway.alerts.requests import PreviewRequest, SeenRequest, creation, named, read_days, seen, unknown_alert
from gateway.commanding.acting import AnyRequest, as_json, read_id, read_limit
from gateway.commanding.answers import JSON
from gateway.upstream import Upstream
from mesh.pool import PostgresAway


class HistoryController(Controller):
    """What alerts fired."""

    tags = ("alerts",)

    @get("/alerts/history", summary="What has fired", media_type=JSON, responses=described.reads(FiringPage))
    async def history(
        self,
        request: AnyRequest,
        alert_reader: NamedDependency[AlertReader],
        limit: Limit = "100",
        before: Before = None,
    ) -> Response[bytes]:
        """List all that the user's alerts fired, newest first, also what a limit or a cooldown kept back."""
        return as_json(await alert_reader.history(request.user.user_id, read_limit(limit), before))

    @get(
        "/alerts/{alert:str}/history",
        summary="What an alert fired",
        media_type=JSON,
        responses=described.reads(FiringPage),
    )
    async def history_of(
        self,
        request: AnyRequest,
        alert: FromPath[str],
        alert_reader: NamedDependency[AlertReader],
        limit: Limit = "100",
        before: Before = None,
    ) -> Response[bytes]:
        """List all that one alert fired, newest first; also of one that was deleted."""
        wanted = read_id(alert, unknown_alert)
        return as_json(await alert_reader.history(request.user.user_id, read_limit(limit), before, wanted))

    @post(
        "/alerts/preview",
        status_code=200,
        summary="How often it would have fired",
        media_type=JSON,
        responses=described.writes(200, PreviewBody),
    )
    async def preview(
        self,
        request: AnyRequest,
        data: JSONBody[PreviewRequest],
        previews: NamedDependency[Previews],
        upstream: NamedDependency[Upstream],
    ) -> Response[bytes]:
        """Say how often an alert would have fired in the last days, by candles of one minute. Nothing is made."""
        asked, days = creation(data, upstream.resolve), read_days(data)
        found = await previews.of(request.user.user_id, asked, named(data.symbol, upstream.resolve), days)
        return as_json(msgspec.json.encode(found))

    @get("/alerts/unseen", summary="What was not seen", media_type=JSON, responses=described.reads(Unseen))
    async def unseen(self, request: AnyRequest, alert_reader: NamedDependency[AlertReader]) -> Response[bytes]:
        """List the newest firings that were not seen, at most 100, and count all of them."""
        try:
            found = await alert_reader.unseen(request.user.user_id)
        except PostgresAway as error:
            raise alerts_away(str(error)) from error
        return as_json(msgspec.json.encode(Unseen(found.firings, found.total)))

    @post("/alerts/seen", status_code=204, summary="See them", responses=described.writes(204, None))
    async def see(
        self, request: AnyRequest, data: JSONBody[SeenRequest], alert_reader: NamedDependency[AlertReader]
    ) -> None:
        """Note what the user has seen; ids that are none of theirs are passed over."""
        await alert_reader.mark_seen(request.user.user_id, seen(data))
