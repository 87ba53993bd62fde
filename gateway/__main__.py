"""`python -m gateway`: the REST and WebSocket server."""

import logging
import os
import sys

import uvicorn

from gateway.app import create_app
from gateway.live.direct_send import DirectSendProtocol
from gateway.settings import GatewaySettings
from mesh.settings import SettingsError, read_settings

MAX_MESSAGE_BYTES = 64 << 10
_GRACE_S = 3


def main() -> None:
    """Read the settings, serve until a signal; a wrong setting ends with its error alone."""
    try:
        settings = read_settings(GatewaySettings, os.environ)
    except SettingsError as error:
        sys.exit(f"gateway: {error}")
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    # At INFO it logs every stream that is opened, query string and all, and that may hold a token nobody asked for.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.run(
        create_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http="httptools",
        ws=DirectSendProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=_GRACE_S,
    )


if __name__ == "__main__":
    main()
