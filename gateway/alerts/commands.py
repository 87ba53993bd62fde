"""Turns what a user asks of alerts into commands, and gives them to the partition of the instrument."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from litestar import Response

from gateway.accounts.tokens import Principal
from gateway.alerts.reader import AlertReader, alerts_away, within
from gateway.alerts.requests import unknown_alert
from gateway.commanding.answers import Taker
from gateway.commanding.client import CommandClient, NotTaken
from gateway.commanding.desk import Desk, Fate
from gateway.commanding.keys import command_id, read_key
from market import subjects
from market.alerts.commands import Action, Command, Create
from mesh.alerts.store import AlertStore
from mesh.pool import PostgresAway

_ALERTS = Taker("alerts", "the keeper of alerts")
_WAITS_S = (0.0, 0.05, 0.1, 0.2, 0.4)
_SPACE = "alert"  # of keys: the ledger's have another
_MADE = "/alerts/{id}"


class AlertCommands:
    """The commands to alerts of all users of this gateway."""

    def __init__(self, client: CommandClient[Command], store: AlertStore, reader: AlertReader, partitions: int) -> None:
        self._client = client
        self._desk = Desk(client, _ALERTS, reader.dress)
        self._store = store
        self._reader = reader
        self._partitions = partitions

    async def carry_out(self, user: Principal, header: str | None, digest: bytes, action: Action) -> Response[bytes]:
        """Have an action carried out, once for each key; raises Problem where nobody took it."""
        key = read_key(header)
        partition = await self._partition_of(user, action)
        name = command_id(user.user_id, key, _SPACE)
        command = Command(name, user.user_id, datetime.now(UTC), action, digest, self._client.reply_subject())
        return await self._desk.give(partition, command, key, _MADE if isinstance(action, Create) else "")

    async def repeat(self, user: Principal, key: str, digest: bytes) -> Response[bytes] | None:
        """See `Repeats`; only an alert that is to be made names a symbol."""
        name = command_id(user.user_id, read_key(key), _SPACE)
        return await within(self._desk.repeat(name, user.user_id, digest, key, _MADE))

    async def look_up(self, user: Principal, command: UUID) -> Fate:
        """Say what became of a command; raises Problem where that cannot be known now.

        Its id does not tell its partition. So it is waited for a little that whatever was given to any of them is
        decided: one that is among nothing of that is none.
        """
        try:
            newest = await asyncio.gather(*map(self._client.newest_sequence, range(self._partitions)))
            for wait_s in _WAITS_S:
                await asyncio.sleep(wait_s)
                reached = await self._store.reached()
                answer = await self._store.command(command, user.user_id)
                if answer is not None:
                    return Fate(await self._reader.dress(answer))
                if all(reached.get(partition, 0) >= each for partition, each in enumerate(newest)):
                    return Fate()
        except (NotTaken, PostgresAway) as error:
            raise alerts_away(str(error)) from error
        return Fate(is_open=True)

    async def _partition_of(self, user: Principal, action: Action) -> int:
        """Give the partition that an action is for, of a deleted alert, too: it may be said again. Raises Problem."""
        if isinstance(action, Create):
            return int(subjects.partitions_of([action.instrument], self._partitions)[0])
        partition = await within(self._store.place(action.alert, user.user_id))
        if partition is None:
            raise unknown_alert()
        return partition
