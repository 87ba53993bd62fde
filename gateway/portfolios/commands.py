"""Turns what a user asks into commands, gives them to the ledger, or tries them without it."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from litestar import Response

from gateway.accounts.tokens import Principal
from gateway.portfolios.answers import answered, ledger_busy, ledger_full, not_given, pending, told
from gateway.portfolios.keys import command_id, read_key
from gateway.portfolios.ledger_client import LedgerBusy, LedgerClient, LedgerFull, NotTaken
from gateway.portfolios.reader import ledger_away
from gateway.portfolios.requests import unknown_command
from market.ledger.account import Account
from market.ledger.commands import Action, Command
from market.ledger.decide import Decision, decide
from mesh.ledger.postgres import LedgerAway
from mesh.ledger.store import LedgerStore

_NEXT_SEQUENCE = (1 << 63) - 1  # behind everything that is recorded


class Commands:
    """The commands of all users of this gateway."""

    def __init__(self, client: LedgerClient, store: LedgerStore) -> None:
        self._client = client
        self._store = store

    async def carry_out(
        self, user: Principal, header: str | None, digest: bytes, action: Action, location: str = ""
    ) -> Response[bytes]:
        """Have an action carried out, once for each key; raises Problem where nobody took it."""
        key = read_key(header)
        command = self._command(user.user_id, key, digest, action, self._client.reply_subject())
        try:
            return answered(await self._client.give(command), key, location)
        except NotTaken as error:
            raise not_given(str(error), key) from error
        except LedgerBusy as error:
            raise ledger_busy(str(error), key) from error
        except LedgerFull as error:
            raise ledger_full(key) from error

    async def try_out(self, user: Principal, action: Action) -> tuple[Account, Decision]:
        """Say what an action would come to just now, by the ledger's own rules; nothing is written. Raises Problem."""
        command = self._command(user.user_id, read_key(None), bytes(32), action, "")
        try:
            account = await self._store.account(command)
        except LedgerAway as error:
            raise ledger_away(str(error)) from error
        return account, await asyncio.to_thread(decide, command, _NEXT_SEQUENCE, account)

    async def look_up(self, user: Principal, command: UUID) -> Response[bytes]:
        """Give a command's answer, or say that it waits; raises Problem where there is no such command."""
        try:
            newest = await self._client.newest_sequence(user.user_id)
            reached = await self._store.reached(self._client.partition_of(user.user_id))
            answer = await self._store.command(command, user.user_id)
        except (NotTaken, LedgerAway) as error:
            raise ledger_away(str(error)) from error
        if answer is not None:
            return told(answer, {})
        if reached >= newest:  # whatever was given before we were asked is decided, and this is not among it
            raise unknown_command()
        return pending(command)

    @staticmethod
    def _command(user: UUID, key: str, digest: bytes, action: Action, reply: str) -> Command:
        return Command(command_id(user, key), user, datetime.now(UTC), action, digest, reply)
