"""What a gateway process is told."""

from typing import Annotated

from msgspec import Meta

from mesh.settings import MeshSettings, Port


class GatewaySettings(MeshSettings, frozen=True, kw_only=True):
    """Settings of `python -m gateway`."""

    postgres_dsn: Annotated[str, Meta(min_length=1)]
    jwt_secret: Annotated[str, Meta(min_length=32)]
    http_host: str = "127.0.0.1"
    http_port: Port = 8080
    linger_s: Annotated[float, Meta(ge=0, le=600)] = 5.0  # how long a symbol stays subscribed after its last watcher
    frames_per_s: Annotated[float, Meta(ge=0.1, le=1000)] = 20.0  # per client, at most
    symbols_per_connection: Annotated[int, Meta(ge=1, le=50_000)] = 1000
    auth_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    heartbeat_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
