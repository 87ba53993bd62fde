"""Where commands of one kind are given, and where what became of them is looked up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol
from uuid import UUID

from litestar import Response

from gateway.accounts.tokens import Principal
from gateway.commanding.answers import Taker, answered, busy, full, not_given
from gateway.commanding.client import Busy, CommandClient, CommandKind, Full, Given, NotTaken
from market.answer import Answer


@dataclass(frozen=True, slots=True)
class Desk(Generic[CommandKind]):
    """Gives commands of one kind."""

    client: CommandClient[CommandKind]
    taker: Taker
    dress: Callable[[Answer], Awaitable[Answer]] | None = None
    """Adds to an answer what its giver does not know."""

    async def give(self, partition: int, command: CommandKind, key: str, location: str = "") -> Response[bytes]:
        """Have a command carried out, once; raises Problem where nobody took it.

        `location` is where the result is, with fields of the answer's body in braces.
        """
        try:
            given = await self.client.give(partition, command)
        except NotTaken as error:
            raise not_given(self.taker, str(error), key) from error
        except Busy as error:
            raise busy(self.taker, str(error), key) from error
        except Full as error:
            raise full(self.taker, key) from error
        return await self._told(given, key, location)

    async def repeat(
        self, command: UUID, user: UUID, digest: bytes, key: str, location: str = ""
    ) -> Response[bytes] | None:
        """Give the answer to a command that was decided before; None where none was. Raises PostgresAway."""
        answer = await self.client.answer_to(command, user, digest)
        return None if answer is None else await self._told(Given(command, answer), key, location)

    async def _told(self, given: Given, key: str, location: str) -> Response[bytes]:
        if given.answer is not None and self.dress is not None:
            given = replace(given, answer=await self.dress(given.answer))
        return answered(given, key, location)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a command: it has an answer, it may get one, or there is none."""

    answer: Answer | None = None
    is_open: bool = False


class Lookup(Protocol):
    """Knows what became of commands of one kind."""

    async def look_up(self, user: Principal, command: UUID) -> Fate:
        """Say what became of a user's command; raises Problem where that cannot be known now."""


class Lookups:
    """Knows what became of commands of every kind."""

    def __init__(self, *kinds: Lookup) -> None:
        self._kinds = kinds

    async def look_up(self, user: Principal, command: UUID) -> Fate:
        """Say what became of a user's command; raises Problem where that cannot be known now."""
        is_open = False
        for kind in self._kinds:
            fate = await kind.look_up(user, command)
            if fate.answer is not None:
                return fate
            is_open = is_open or fate.is_open
        return Fate(is_open=is_open)
