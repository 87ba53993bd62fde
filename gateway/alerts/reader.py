"""Reads alerts and what they fired, with what the directory and the last quotes say of them."""

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from gateway.alerts.distance import distance_percent
from gateway.alerts.pages import history_page, read_cursor, write_cursor
from gateway.alerts.requests import unknown_alert
from gateway.live.messages import Alerts, Firing
from gateway.problems import Problem, log_reason, retry_after
from gateway.upstream import UnknownSymbolError, Upstream
from market.alerts.alert import Alert
from market.alerts.answers import alert_body, firing_body
from market.answer import Answer
from market.instrument import Instrument
from market.symbols import SymbolError
from mesh.alerts.store import AlertStore
from mesh.pool import PostgresAway

MAX_UNSEEN = 100
_AGAIN_S = 1.0
_FOUND = (200, 201)

Body = dict[str, Any]
Result = TypeVar("Result")


class AlertReader:
    """Answers what a user asks about alerts; all but `unseen` raise Problem where the tables are away."""

    def __init__(self, store: AlertStore, upstream: Upstream) -> None:
        self._store = store
        self._upstream = upstream

    async def page(self, user: UUID, limit: int, before: str | None, symbol: str | None, state: str | None) -> bytes:
        """Give a page of a user's alerts, newest first, as JSON."""
        found = await within(self._store.alerts_of(user, limit + 1, read_cursor(before), symbol, state))
        following = write_cursor(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
        return msgspec.json.encode({"alerts": await self._shown(found[:limit]), "next": following})

    async def one(self, user: UUID, alert: UUID) -> bytes:
        """Give one alert as JSON."""
        found = await within(self._store.alert(alert, user))
        if found is None:
            raise unknown_alert()
        return msgspec.json.encode((await self._shown([found]))[0])

    async def history(self, user: UUID, limit: int, before: str | None, alert: UUID | None = None) -> bytes:
        """Give a page of what a user's alerts fired, or one of them, as JSON."""
        cursor = read_cursor(before)
        if alert is not None and await within(self._store.place(alert, user)) is None:
            raise unknown_alert()
        found = await within(self._store.history(user, limit + 1, cursor, alert))
        return msgspec.json.encode(history_page(found, limit))

    async def unseen(self, user: UUID) -> Alerts:
        """Give the newest of what has fired and was not seen. Raises PostgresAway."""
        found, total = await self._store.unseen(user, MAX_UNSEEN)
        return Alerts([msgspec.convert(firing_body(each), Firing) for each in found], total)

    async def mark_seen(self, user: UUID, firings: Sequence[UUID] | None) -> None:
        """Note that a user has seen some firings, None: all."""
        await within(self._store.mark_seen(user, firings))

    async def dress(self, answer: Answer) -> Answer:
        """Put into an answer that is an alert what only the gateway knows of it."""
        if answer.status not in _FOUND:
            return answer
        return Answer(answer.status, (await self._with_quotes([answer.body]))[0])

    async def _shown(self, alerts: Sequence[Alert]) -> list[Body]:
        now = datetime.now(UTC)
        return await self._with_quotes([alert_body(each, now) for each in alerts])

    async def _with_quotes(self, alerts: Sequence[Body]) -> list[Body]:
        """Add names, and how far the last prices are from firing."""
        found = {symbol: self._find(symbol) for symbol in {each["symbol"] for each in alerts}}
        states = await self._upstream.latest_of([each for each in found.values() if each is not None])
        quotes = zip(states["last"].tolist(), states["prev_close"].tolist(), strict=True)
        prices = dict(zip(states["instrument"].tolist(), quotes, strict=True))
        shown = []
        for each in alerts:
            instrument = found[each["symbol"]]
            quote = None if instrument is None else prices.get(int(instrument.number))
            added = {
                "name": "" if instrument is None else instrument.listing.name,
                "distance_percent": None if quote is None else distance_percent(each, *quote),
            }
            shown.append({**each, **added})
        return shown

    def _find(self, symbol: str) -> Instrument | None:
        try:
            return self._upstream.resolve(symbol)
        except (SymbolError, UnknownSymbolError):
            return None


async def within(answer: Awaitable[Result]) -> Result:
    """Give what the tables answer; raises Problem where they are away."""
    try:
        return await answer
    except PostgresAway as error:
        raise alerts_away(str(error)) from error


def alerts_away(why: str) -> Problem:
    """Say that the tables of alerts cannot be reached."""
    detail = "alerts cannot be read just now"
    log_reason(detail, why)
    return Problem(503, "alerts_unavailable", detail, headers=retry_after(_AGAIN_S))
