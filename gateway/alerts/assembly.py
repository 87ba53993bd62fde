"""Builds what the routes of alerts need, each part given what it needs."""

import contextlib
import time
from dataclasses import dataclass

from gateway.alerts.channel_service import ChannelService
from gateway.alerts.commands import AlertCommands
from gateway.alerts.previews import Previews
from gateway.alerts.reader import AlertReader
from gateway.candle_source import CandleSource
from gateway.commanding.client import CommandClient, CommandStream
from gateway.settings import GatewaySettings
from gateway.upstream import Upstream
from market import subjects
from mesh.alerts.codec import encode_command
from mesh.alerts.store import AlertStore
from mesh.calendars import Calendars
from mesh.connection import Connection
from mesh.notify.channels import ChannelStore
from mesh.streams import ALERTS


@dataclass(frozen=True, slots=True)
class AlertParts:
    """What the routes and the stream use."""

    commands: AlertCommands
    reader: AlertReader
    channels: ChannelService
    previews: Previews


async def open_alerts(
    stack: contextlib.AsyncExitStack,
    settings: GatewaySettings,
    connection: Connection,
    upstream: Upstream,
    candles: CandleSource,
    calendars: Calendars,
) -> AlertParts:
    """Open the way to the keepers of alerts, and to their tables, which may be away."""
    js = connection.jetstream()
    store, channels = AlertStore(settings.postgres_dsn), ChannelStore(settings.postgres_dsn)
    for each in (store, channels):
        stack.push_async_callback(each.close)
    client = CommandClient(connection, js, CommandStream(ALERTS, subjects.alerts, encode_command, store.answer_to))
    await client.open()
    reader = AlertReader(store, upstream)
    commands = AlertCommands(client, store, reader, settings.partitions)
    return AlertParts(
        commands,
        reader,
        ChannelService(channels, js, time.monotonic),
        Previews(candles, calendars, upstream, time.monotonic),
    )
