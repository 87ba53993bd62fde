"""Builds what the routes of portfolios need, each part given what it needs."""

import contextlib
from dataclasses import dataclass

from gateway.commanding.client import CommandClient, CommandStream
from gateway.portfolios.commands import Commands
from gateway.portfolios.fallback import Fallback
from gateway.portfolios.files import Files
from gateway.portfolios.reader import PortfolioReader
from gateway.portfolios.records import Records
from gateway.settings import GatewaySettings
from gateway.upstream import Upstream
from market import subjects
from mesh.connection import Connection
from mesh.ledger.codec import encode_command
from mesh.ledger.store import LedgerStore
from mesh.streams import LEDGER


@dataclass(frozen=True, slots=True)
class Portfolios:
    """What the routes use."""

    commands: Commands
    files: Files
    reader: PortfolioReader
    records: Records


async def open_portfolios(
    stack: contextlib.AsyncExitStack, settings: GatewaySettings, connection: Connection, upstream: Upstream
) -> Portfolios:
    """Open the way to the ledger, and to its tables, which may be away."""
    store = LedgerStore(settings.postgres_dsn)
    stack.push_async_callback(store.close)
    stream = CommandStream(LEDGER, subjects.ledger, encode_command, store.answer_to)
    client = CommandClient(connection, connection.jetstream(), stream)
    await client.open()
    reader = PortfolioReader(connection, settings.partitions, Fallback(store, upstream))
    return Portfolios(Commands(client, store, settings.partitions), Files(upstream.resolve), reader, Records(store))
