"""How a gateway process serves: its sockets, its protocols, its end, and several processes that share one port."""

from gateway.serving.config import ServingConfig
from gateway.serving.descriptors import raise_limit
from gateway.serving.http_protocol import HttpProtocol
from gateway.serving.listeners import bound_sockets
from gateway.serving.server import END_S, Server
from gateway.serving.stream_protocol import StreamProtocol
from gateway.serving.supervisor import process_number, supervise

__all__ = [
    "END_S",
    "HttpProtocol",
    "Server",
    "ServingConfig",
    "StreamProtocol",
    "bound_sockets",
    "process_number",
    "raise_limit",
    "supervise",
]
