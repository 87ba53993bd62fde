"""Turns what a user asks into commands, gives them to the ledger, or tries them without it."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from litestar import Response

from gateway.accounts.tokens import Principal
from gateway.commanding.answers import Taker
from gateway.commanding.client import CommandClient, NotTaken
from gateway.commanding.desk import Desk, Fate
from gateway.commanding.keys import command_id, read_key
from gateway.portfolios.reader import ledger_away
from market import subjects
from market.ledger.account import Account
from market.ledger.commands import Action, Command
from market.ledger.decide import Decision, decide
from mesh.ledger.store import LedgerStore
from mesh.pool import PostgresAway

_LEDGER = Taker("ledger", "the ledger")
_NEXT_SEQUENCE = (1 << 63) - 1  # behind everything that is recorded


class Commands:
    """The commands of all users of this gateway."""

    def __init__(self, client: CommandClient[Command], store: LedgerStore, partitions: int) -> None:
        self._client = client
        self._desk = Desk(client, _LEDGER)
        self._store = store
        self._partitions = partitions

    async def carry_out(
        self, user: Principal, header: str | None, digest: bytes, action: Action, location: str = ""
    ) -> Response[bytes]:
        """Have an action carried out, once for each key; raises Problem where nobody took it."""
        key = read_key(header)
        command = self._command(user.user_id, key, digest, action, self._client.reply_subject())
        return await self._desk.give(self._partition_of(user), command, key, location)

    async def repeat(self, user: Principal, key: str, digest: bytes) -> Response[bytes] | None:
        """See `Repeats`."""
        name = command_id(user.user_id, read_key(key))
        try:
            return await self._desk.repeat(name, user.user_id, digest, key)
        except PostgresAway as error:
            raise ledger_away(str(error)) from error

    async def try_out(self, user: Principal, action: Action) -> tuple[Account, Decision]:
        """Say what an action would come to just now, by the ledger's own rules; nothing is written. Raises Problem."""
        command = self._command(user.user_id, read_key(None), bytes(32), action, "")
        try:
            account = await self._store.account(command)
        except PostgresAway as error:
            raise ledger_away(str(error)) from error
        return account, await asyncio.to_thread(decide, command, _NEXT_SEQUENCE, account)

    async def look_up(self, user: Principal, command: UUID) -> Fate:
        """Say what became of a command; raises Problem where that cannot be known now."""
        partition = self._partition_of(user)
        try:
            newest = await self._client.newest_sequence(partition)
            reached = await self._store.reached(partition)
            answer = await self._store.command(command, user.user_id)
        except (NotTaken, PostgresAway) as error:
            raise ledger_away(str(error)) from error
        return Fate(answer, is_open=reached < newest)  # else all that was given before we were asked is decided

    def _partition_of(self, user: Principal) -> int:
        """Give the partition in whose order a user's commands are carried out."""
        return subjects.partition_of_user(user.user_id, self._partitions)

    @staticmethod
    def _command(user: UUID, key: str, digest: bytes, action: Action, reply: str) -> Command:
        return Command(command_id(user, key), user, datetime.now(UTC), action, digest, reply)
