"""What sessions are told of alerts that fire, over a real NATS: everything once, and what was missed with the next."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest_asyncio

from gateway.live.alert_feed import AlertFeed
from gateway.live.commands import UnwatchAlerts, WatchAlerts
from gateway.live.messages import Alerts, Firing
from gateway.live.outlet import MAX_WAITING_BYTES
from infra.local.servers import NatsServer
from market import subjects
from mesh.connection import Connection, connect
from mesh.pool import PostgresAway
from mesh.settings import MeshSettings
from tests.integration.gateway.running import until
from tests.unit.gateway.tiny_market import TinyChannel, TinyMarket
from tests.unit.gateway.tiny_session import tiny_session
from tests.unit.gateway.tiny_socket import TinySocket

USER = uuid4()
FLUSH_S = 20  # however busy the machine is


class Keeper:
    """Whoever keeps alerts: it tells what fires, and what of it was not seen."""

    def __init__(self, connection: Connection) -> None:
        self.kept: list[Firing] = []
        self.is_away = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = 0
        self._connection = connection

    async def fire(
        self, name: str, user: UUID = USER, *, note: str = "", heard: bool = True, outcome: str = "sent"
    ) -> None:
        at = "2026-03-29T14:30:05Z"
        firing = Firing(name, str(uuid4()), "XNAS:AAPL", "ABOVE", 230.0, 1, 231.0, at, outcome, note)
        if user == USER:
            self.kept.insert(0, firing)
        if heard:
            told = {**msgspec.to_builtins(firing), "user": str(user)}
            await self._connection.publish(subjects.alert_fired(user, uuid4()), msgspec.msgpack.encode(told))
            await self._connection.flush()

    async def unseen(self, user: UUID) -> Alerts:
        self.asked += 1
        found = Alerts(self.kept[:2], len(self.kept)) if user == USER else Alerts([], 0)
        await self.may_answer.wait()
        if self.is_away:
            raise PostgresAway("down")
        return found


class Watcher:
    """A session, and what it was told."""

    def __init__(self, market: TinyMarket, user: UUID = USER) -> None:
        self.end = TinySocket()
        self.session = tiny_session(market, self.end, user)

    @property
    def told(self) -> list[str]:
        messages: list[dict[str, Any]] = [json.loads(each) for each in self.end.arrived]
        return [_words(each) for each in messages]

    async def is_told(self, *wanted: str) -> None:
        async def is_so() -> bool:
            return self.told == list(wanted)

        try:
            await until(is_so, f"told is {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.told}") from error


def _words(message: dict[str, Any]) -> str:
    match message:
        case {"type": "alerts", "firings": firings, "total": total}:
            return f"{' '.join(each['id'] for each in firings)} of {total}".strip()
        case {"type": "alert_fired", "firing": firing}:
            assert "user" not in firing
            return str(firing["id"])
        case {"type": "error", "code": code, "alerts": True, "retry_after_ms": int()}:
            return str(code)
    return str(message["type"])


async def cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest_asyncio.fixture
async def parts(nats_server: NatsServer) -> AsyncIterator[tuple[AlertFeed, Keeper, TinyMarket]]:
    async with contextlib.AsyncExitStack() as stack:
        connections = []
        for name in ("gateway", "keeper"):
            connections.append(await connect(MeshSettings(nats_url=nats_server.url), name))
            stack.push_async_callback(connections[-1].close)
        keeper = Keeper(connections[1])
        feed = AlertFeed(connections[0], keeper.unseen, FLUSH_S)
        running = asyncio.create_task(feed.run())
        stack.push_async_callback(cancelled, running)
        yield feed, keeper, TinyMarket(TinyChannel("quote"))


async def test_what_was_not_seen_comes_first_and_then_what_fires(
    parts: tuple[AlertFeed, Keeper, TinyMarket],
) -> None:
    feed, keeper, market = parts
    for name in ("a", "b", "c"):
        await keeper.fire(name)
    one, two, stranger = Watcher(market), Watcher(market), Watcher(market, uuid4())
    for each in (one, two, stranger):
        await feed.obey(each.session, WatchAlerts())
    await keeper.fire("d")
    await keeper.fire("theirs", stranger.session.admitted.user or USER)
    await one.is_told("c b of 3", "d")
    await two.is_told("c b of 3", "d")
    await stranger.is_told("of 0", "theirs")
    assert one.session.watches == 1

    await feed.obey(one.session, UnwatchAlerts())
    await keeper.fire("e")
    await two.is_told("c b of 3", "d", "e")
    await one.is_told("c b of 3", "d", "alerts_unwatched")
    assert one.session.watches == 0
    await feed.obey(one.session, WatchAlerts())
    await one.is_told("c b of 3", "d", "alerts_unwatched", "e d of 5")


async def test_what_fires_while_the_rest_is_read_comes_once_and_after_it(
    parts: tuple[AlertFeed, Keeper, TinyMarket],
) -> None:
    feed, keeper, market = parts
    one, two = Watcher(market), Watcher(market)
    await feed.watch(two.session)
    keeper.may_answer.clear()
    watching = asyncio.ensure_future(feed.watch(one.session))

    async def is_asked() -> bool:
        return keeper.asked == 2

    await until(is_asked, "what was not seen is read")
    await keeper.fire("a")
    await two.is_told("of 0", "a")
    keeper.may_answer.set()
    await watching
    await one.is_told("of 0", "a")


async def test_what_fired_unheard_is_told_after_a_reconnect(parts: tuple[AlertFeed, Keeper, TinyMarket]) -> None:
    feed, keeper, market = parts
    one, leaves = Watcher(market), Watcher(market)
    for each in (one, leaves):
        await feed.watch(each.session)
    await keeper.fire("a", heard=False)
    keeper.is_away = True  # as after a power cut
    feed.refresh()

    async def was_asked_in_vain() -> bool:
        return keeper.asked >= 4

    await until(was_asked_in_vain, "what was not seen is asked for")
    await feed.leave(leaves.session)
    keeper.is_away = False
    await one.is_told("of 0", "a of 1")
    assert leaves.told == ["of 0"]


async def test_what_the_limit_keeps_back_is_told_with_all_that_there_is(
    parts: tuple[AlertFeed, Keeper, TinyMarket],
) -> None:
    feed, keeper, market = parts
    one, two = Watcher(market), Watcher(market)
    for each in (one, two):
        await feed.watch(each.session)
    await keeper.fire("a")
    await keeper.fire("b", heard=False, outcome="limit")
    await keeper.fire("c", outcome="limit")  # which stands for the one before, too
    for each in (one, two):
        await each.is_told("of 0", "a", "c b of 3")
    asked = keeper.asked
    keeper.may_answer.clear()
    await keeper.fire("d", outcome="limit")

    async def is_asked() -> bool:
        return keeper.asked > asked

    await until(is_asked, "what was not seen is read")
    await keeper.fire("e", outcome="limit")  # while what there was before it is on its way
    keeper.may_answer.set()
    await until(lambda: asyncio.sleep(0, one.told[-1] == "e d of 5"), "the last is told")


async def test_while_the_tables_are_away_nobody_watches(parts: tuple[AlertFeed, Keeper, TinyMarket]) -> None:
    feed, keeper, market = parts
    one = Watcher(market)
    keeper.is_away = True
    await feed.watch(one.session)
    assert one.session.watches == 0
    keeper.is_away = False
    await keeper.fire("a")
    await feed.watch(one.session)
    await one.is_told("alerts_unavailable", "a of 1")


async def test_who_reads_nothing_is_closed_and_the_others_go_on(parts: tuple[AlertFeed, Keeper, TinyMarket]) -> None:
    feed, keeper, market = parts
    slow, quick = Watcher(market), Watcher(market)
    for each in (slow, quick):
        await feed.watch(each.session)
    slow.end.stick()
    note = "x" * (MAX_WAITING_BYTES // 4)
    for name in ("a", "b", "c", "d", "e"):
        await keeper.fire(name, note=note)
    await quick.is_told("of 0", "a", "b", "c", "d", "e")
    slow.end.flow()

    async def is_closed() -> bool:
        return [code for code, _ in slow.end.closes] == [1013]

    await until(is_closed, "it is closed, to come back")
    await feed.leave(slow.session)
