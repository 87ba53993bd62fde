"""uvicorn as the gateway configures it, with the one setting that its protocols need."""

import uvicorn
from litestar.types import ASGIApp

_LAST_ANSWERS_S = 1  # that uvicorn waits, at the end, for answers that are under way


class ServingConfig(uvicorn.Config):
    """uvicorn's configuration, which it hands to each of its protocols; `handshake_timeout_s` is ours."""

    def __init__(self, application: ASGIApp, *, max_message_bytes: int, handshake_timeout_s: float) -> None:
        super().__init__(
            application,
            interface="asgi3",  # it would else take only a coroutine function for an application
            loop="uvloop",
            http="gateway.serving.http_protocol:HttpProtocol",
            ws="gateway.serving.stream_protocol:StreamProtocol",
            ws_max_size=max_message_bytes,
            ws_per_message_deflate=False,  # it would compress for each client what all of them share
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
        self.handshake_timeout_s = handshake_timeout_s
