"""What sessions are sent of what the owner of a portfolio publishes, over a real NATS."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio
from nats.aio.msg import Msg

from gateway.live.portfolio_feed import PortfolioFeed
from infra.local.servers import NatsServer
from market import subjects
from mesh.connection import Connection, connect
from mesh.portfolio_now import PortfolioMessage, Watched
from mesh.settings import MeshSettings
from tests.integration.gateway.running import until
from tests.unit.gateway.tiny_market import TinyChannel, TinyMarket
from tests.unit.gateway.tiny_session import tiny_session
from tests.unit.gateway.tiny_socket import TinySocket

PORTFOLIO, USER = uuid4(), uuid4()
ANSWER_S = 20.0  # however busy the machine is


class Owner:
    """Whoever owns the portfolio: it publishes what a test says, and notes of what the whole is wanted."""

    def __init__(self, connection: Connection) -> None:
        self.wholes_asked = 0
        self._connection = connection

    async def open(self) -> None:
        await self._connection.subscribe(subjects.portfolio_now(0), cb=self._value)
        await self._connection.subscribe(subjects.portfolio_watch(0), cb=self._note)
        await self._connection.flush()

    async def publish(self, epoch: int, n: int, *, whole: bool = False) -> None:
        message = PortfolioMessage(epoch, n, whole, {"id": str(PORTFOLIO)})
        await self._connection.publish(subjects.portfolio(PORTFOLIO), message.encode())
        await self._connection.flush()

    async def asked_for_whole(self, times: int) -> None:
        async def is_asked() -> bool:
            return self.wholes_asked >= times

        await until(is_asked, f"the whole is asked for {times} times")

    async def _value(self, message: Msg) -> None:
        await message.respond(b"{}")

    async def _note(self, message: Msg) -> None:
        self.wholes_asked += PORTFOLIO in Watched.decode(message.data).whole


class Watcher:
    """A session, and what it was sent."""

    def __init__(self, market: TinyMarket, user: UUID = USER) -> None:
        self.end = TinySocket()
        self.session = tiny_session(market, self.end, user)

    @property
    def sent(self) -> list[tuple[str, int]]:
        messages: list[dict[str, Any]] = [json.loads(each) for each in self.end.arrived]
        return [(each["type"], each["n"]) for each in messages]

    async def is_sent(self, *wanted: tuple[str, int]) -> None:
        async def is_so() -> bool:
            return self.sent == list(wanted)

        await until(is_so, f"sent are {wanted}")


@pytest_asyncio.fixture
async def parts(nats_server: NatsServer) -> AsyncIterator[tuple[PortfolioFeed, Owner, TinyMarket]]:
    async with contextlib.AsyncExitStack() as stack:
        connections = []
        for name in ("gateway", "owner"):
            connections.append(await connect(MeshSettings(nats_url=nats_server.url), name))
            stack.push_async_callback(connections[-1].close)
        owner = Owner(connections[1])
        await owner.open()
        yield PortfolioFeed(connections[0], 1, ANSWER_S), owner, TinyMarket(TinyChannel("quote"))


async def test_messages_go_on_gaps_are_mended_and_old_owners_are_not_heard(
    parts: tuple[PortfolioFeed, Owner, TinyMarket],
) -> None:
    feed, owner, market = parts
    one, two = Watcher(market), Watcher(market)
    await feed.watch(one.session, str(PORTFOLIO))
    await owner.asked_for_whole(1)
    await owner.publish(2, 1, whole=True)
    await owner.publish(2, 2)
    told = [("portfolio", 1), ("portfolio_update", 2)]
    await one.is_sent(*told)

    await feed.watch(two.session, str(PORTFOLIO))
    await owner.asked_for_whole(2)
    await owner.publish(2, 3)  # who joined has nothing yet that this could change
    await owner.publish(2, 4, whole=True)
    told += [("portfolio_update", 3), ("portfolio", 4)]
    await one.is_sent(*told)
    await two.is_sent(("portfolio", 4))

    asked = owner.wholes_asked
    await owner.publish(2, 6)  # 5 was lost
    await owner.asked_for_whole(asked + 1)
    await owner.publish(1, 99, whole=True)  # an owner that is none any more
    await owner.publish(2, 7)
    await owner.publish(2, 8, whole=True)
    await owner.publish(3, 1)  # another owner: nothing that could be gone on from
    await owner.publish(3, 2, whole=True)
    told += [("portfolio", 8), ("portfolio", 2)]
    await one.is_sent(*told)
    await two.is_sent(("portfolio", 4), ("portfolio", 8), ("portfolio", 2))


async def test_whoever_does_not_read_is_sent_the_whole_next(parts: tuple[PortfolioFeed, Owner, TinyMarket]) -> None:
    feed, owner, market = parts
    slow, quick = Watcher(market), Watcher(market)
    for each in (slow, quick):
        await feed.watch(each.session, str(PORTFOLIO))
    await owner.asked_for_whole(1)
    await owner.publish(1, 1, whole=True)
    await slow.is_sent(("portfolio", 1))
    slow.end.direct.has_room = False
    asked = owner.wholes_asked
    await owner.publish(1, 2)
    await owner.asked_for_whole(asked + 1)
    slow.end.direct.has_room = True
    await owner.publish(1, 3)
    await owner.publish(1, 4, whole=True)
    await owner.publish(1, 5)
    await slow.is_sent(("portfolio", 1), ("portfolio", 4), ("portfolio_update", 5))
    await quick.is_sent(
        ("portfolio", 1), ("portfolio_update", 2), ("portfolio_update", 3), ("portfolio", 4), ("portfolio_update", 5)
    )


async def test_who_leaves_is_sent_nothing_and_the_others_go_on(parts: tuple[PortfolioFeed, Owner, TinyMarket]) -> None:
    feed, owner, market = parts
    leaves, stays = Watcher(market), Watcher(market)
    for each in (leaves, stays):
        await feed.watch(each.session, str(PORTFOLIO))
    await owner.asked_for_whole(1)
    await owner.publish(1, 1, whole=True)
    await leaves.is_sent(("portfolio", 1))
    await feed.leave(leaves.session)
    await owner.publish(1, 2)
    await stays.is_sent(("portfolio", 1), ("portfolio_update", 2))
    assert leaves.sent == [("portfolio", 1)]
    assert leaves.session.portfolios == set()
