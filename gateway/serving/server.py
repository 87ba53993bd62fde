"""uvicorn's server with an end in order: clients are sent away over some seconds, and all of it has a hard bound."""

import asyncio
import faulthandler
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType

import uvicorn

from gateway.serving.acceptor import Acceptor
from gateway.serving.config import ServingConfig
from gateway.serving.http_protocol import HttpProtocol

END_S = 3.0
"""What the end may take beyond the drain. Whoever has not ended by then is killed, by itself or by its parent."""

_LATE_S = 0.5  # by which the drain may overrun its time

_logger = logging.getLogger(__name__)

Drain = Callable[[], Awaitable[None]]


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then listens no more, drains within `drain_s` and ends.

    `drain` is to send the clients away, and returns when it has. The listeners in `kept` are closed only after it: who
    watches the process sees it to its end. A second signal ends the process at once, as does any before it serves.

    One that is `tied` is a child: it ends as if told to when its standard input does, which its parent holds open, and
    leaves it to the parent to lose patience.
    """

    def __init__(
        self,
        config: ServingConfig,
        drain: Drain,
        drain_s: float,
        kept: Sequence[socket.socket] = (),
        *,
        is_tied: bool = False,
    ) -> None:
        super().__init__(config)
        self.config: ServingConfig = config
        self._drain = drain
        self._drain_s = drain_s
        self._kept = list(kept)
        self._is_tied = is_tied

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and listen once it runs."""
        await super().startup([])
        try:
            for listener in [*(sockets or ()), *self._kept]:
                acceptor = Acceptor(listener, self._protocol)
                acceptor.start(self.config.backlog)
                self.servers.append(acceptor)  # type: ignore[arg-type]  # it has what uvicorn uses of a server
        except OSError:
            _logger.critical("cannot listen: the port was taken by another process")
            for each in self.servers:
                each.close()
            await self.lifespan.shutdown()
            self.started, self.should_exit = False, True
            return
        if self._is_tied:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._on_parent)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, drain, and end."""
        listeners = sockets or []
        for server in self.servers[: len(listeners)]:
            server.close()
        for each in listeners:
            each.close()
        try:
            async with asyncio.timeout(self._drain_s + _LATE_S):
                await self._drain()
        except Exception:
            _logger.exception("the drain failed: whoever is still connected is closed at once")
        await super().shutdown(self._kept)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first begins the end, a second one is the end."""
        if self.started and not self.should_exit:
            # A thread of its own, which needs nothing of the loop; it shows where the process hangs.
            faulthandler.dump_traceback_later(self._drain_s + END_S, exit=True)
            self.should_exit = True
        elif not (self.started and self._is_tied):
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)

    def _protocol(self) -> asyncio.Protocol:
        return HttpProtocol(self.config, self.server_state, self.lifespan.state)

    def _on_parent(self) -> None:
        if not os.read(sys.stdin.fileno(), 1):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            if not self.should_exit:
                self.handle_exit(signal.SIGTERM, None)
