"""`/alerts`: make, change, pause, arm again and delete alerts; see what they are."""

from typing import Annotated

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.alerts.commands import AlertCommands
from gateway.alerts.described import AlertBody, AlertPage, described
from gateway.alerts.reader import AlertReader
from gateway.alerts.requests import (
    AlertChange,
    NewAlert,
    Rearming,
    change,
    creation,
    named,
    read_state,
    rearming,
    unknown_alert,
)
from gateway.commanding.acting import AnyRequest, Key, as_json, first_answer, read_id, read_limit, request_digest
from gateway.commanding.answers import JSON
from gateway.problems import Problem
from gateway.upstream import Upstream
from market.alerts.commands import Action, Delete, Pause, Resume

Limit = Annotated[str, QueryParameter(description="1 to 500 of a page")]
Before = Annotated[str | None, QueryParameter(description="The `next` of the page before")]


class AlertsController(Controller):
    """Alerts, and what users do with them."""

    tags = ("alerts",)

    @post("/alerts", summary="Make an alert", media_type=JSON, responses=described.commands(201, AlertBody))
    async def create(
        self,
        request: AnyRequest,
        data: JSONBody[NewAlert],
        alerts: NamedDependency[AlertCommands],
        upstream: NamedDependency[Upstream],
        key: Key = None,
    ) -> Response[bytes]:
        """Make an alert. It sees every trade after its answer; `already_true` says if it was true before."""
        try:
            action = creation(data, upstream.resolve)
        except Problem as problem:
            return await first_answer(request, alerts, key, problem)
        return await _act(request, alerts, key, action)

    @get("/alerts", summary="All alerts", media_type=JSON, responses=described.reads(AlertPage))
    async def list_all(
        self,
        request: AnyRequest,
        alert_reader: NamedDependency[AlertReader],
        upstream: NamedDependency[Upstream],
        symbol: Annotated[str | None, QueryParameter(description="Only those of one symbol")] = None,
        shown: Annotated[
            str | None, QueryParameter(name="state", description="armed, waiting, fired, paused or expired")
        ] = None,
        limit: Limit = "100",
        before: Before = None,
    ) -> Response[bytes]:
        """List the user's alerts, newest first, with how far each is from firing."""
        only = None if symbol is None else str(named(symbol, upstream.resolve).key)
        user = request.user.user_id
        return as_json(await alert_reader.page(user, read_limit(limit), before, only, read_state(shown)))

    @get("/alerts/{alert:str}", summary="One alert", media_type=JSON, responses=described.reads(AlertBody))
    async def one(
        self, request: AnyRequest, alert: FromPath[str], alert_reader: NamedDependency[AlertReader]
    ) -> Response[bytes]:
        """Say what an alert is, and how far from firing."""
        return as_json(await alert_reader.one(request.user.user_id, read_id(alert, unknown_alert)))

    @patch(
        "/alerts/{alert:str}", summary="Change an alert", media_type=JSON, responses=described.commands(200, AlertBody)
    )
    async def edit(
        self,
        request: AnyRequest,
        alert: FromPath[str],
        data: JSONBody[AlertChange],
        alerts: NamedDependency[AlertCommands],
        key: Key = None,
    ) -> Response[bytes]:
        """Change what is given; another threshold arms it anew."""
        return await _act(request, alerts, key, change(read_id(alert, unknown_alert), data))

    @delete(
        "/alerts/{alert:str}",
        status_code=202,
        summary="Delete an alert",
        media_type=JSON,
        responses=described.commands(204, None),
    )
    async def remove(
        self, request: AnyRequest, alert: FromPath[str], alerts: NamedDependency[AlertCommands], key: Key = None
    ) -> Response[bytes]:
        """Delete an alert; what it fired stays in the history."""
        return await _act(request, alerts, key, Delete(read_id(alert, unknown_alert)))

    @post(
        "/alerts/{alert:str}/pause",
        status_code=200,
        summary="Pause an alert",
        media_type=JSON,
        responses=described.commands(200, AlertBody),
    )
    async def pause(
        self, request: AnyRequest, alert: FromPath[str], alerts: NamedDependency[AlertCommands], key: Key = None
    ) -> Response[bytes]:
        """Let an alert see no trades until it is resumed."""
        return await _act(request, alerts, key, Pause(read_id(alert, unknown_alert)))

    @post(
        "/alerts/{alert:str}/resume",
        status_code=200,
        summary="Resume an alert",
        media_type=JSON,
        responses=described.commands(200, AlertBody),
    )
    async def resume(
        self, request: AnyRequest, alert: FromPath[str], alerts: NamedDependency[AlertCommands], key: Key = None
    ) -> Response[bytes]:
        """Arm a paused alert; one that is true by now waits until the price has come back."""
        return await _act(request, alerts, key, Resume(read_id(alert, unknown_alert)))

    @post(
        "/alerts/{alert:str}/rearm",
        status_code=200,
        summary="Arm an alert again",
        media_type=JSON,
        responses=described.commands(200, AlertBody),
    )
    async def rearm(
        self,
        request: AnyRequest,
        alert: FromPath[str],
        data: JSONBody[Rearming],
        alerts: NamedDependency[AlertCommands],
        key: Key = None,
    ) -> Response[bytes]:
        """Arm an alert anew, also one that has fired."""
        return await _act(request, alerts, key, rearming(read_id(alert, unknown_alert), data))


async def _act(request: AnyRequest, alerts: AlertCommands, key: str | None, action: Action) -> Response[bytes]:
    return await alerts.carry_out(request.user, key, await request_digest(request), action)
