"""What a gateway process is told."""

from typing import Annotated

from msgspec import Meta

from mesh.notify.settings import ChannelSettings
from mesh.settings import Port

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
PerSecond = Annotated[float, Meta(ge=1, le=100_000)]


class GatewaySettings(ChannelSettings, frozen=True, kw_only=True):
    """Settings of `python -m gateway`."""

    postgres_dsn: Annotated[str, Meta(min_length=1)]
    jwt_secret: Annotated[str, Meta(min_length=32)]
    candle_connections: Annotated[int, Meta(ge=1, le=100)] = 8  # to Postgres, for reading candles
    http_host: str = "127.0.0.1"
    http_port: Port = 8080
    gateway_processes: Annotated[int, Meta(ge=1, le=64)] = 1  # that share the port
    ops_port: Annotated[int, Meta(ge=0, le=65471)] = 0  # of the first process, the next ones count up; 0: none
    allowed_origins: str = ""  # of browsers, comma-separated; empty: only the gateway's own page
    linger_s: Annotated[float, Meta(ge=0, le=600)] = 5.0  # how long a symbol stays subscribed after its last watcher
    frames_per_s: Annotated[float, Meta(ge=0.1, le=100.0)] = 20.0  # per client, at most
    full_image_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0  # between two full images of what a client watches
    symbols_per_connection: Annotated[int, Meta(ge=1, le=50_000)] = 1000
    symbols_per_user: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    connections_per_user: Count = 50
    connections_per_address: Count = 1000
    connections_unproven: Count = 5000  # that have not authenticated yet
    accepts_per_s: PerSecond = 1000.0
    commands_per_s: PerSecond = 50.0  # per client
    handshake_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    auth_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    idle_timeout_s: Annotated[float, Meta(gt=0, le=86_400)] = 600.0  # of a client that watches nothing
    slow_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 15.0  # of a client that does not read
    heartbeat_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    overload_lag_ms: Annotated[float, Meta(gt=0, le=10_000)] = 100.0  # of the loop, above which less is sent
    overload_cpu: Annotated[float, Meta(gt=0, le=1)] = 0.95  # of one core, likewise
    most_watched: Count = 1000  # symbols that still stream when only the most watched do
    drain_s: Annotated[float, Meta(ge=0, le=600)] = 2.0  # over which closes are spread at the end
