"""The micro service on `snapshot.<exch>.<symbol>`: an instrument's present value for whoever asks.

The answer is the instrument's STATE row, followed by its 20 LEVEL rows where depth is known; an unknown symbol is
answered with the service error 404. https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md
"""

from collections.abc import Callable

import nats.micro
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, Service, ServiceConfig

from market.symbols import SymbolError, SymbolKey
from mesh.bulk_client import BulkClient

NAME, VERSION = "snapshot", "1.0.0"
Present = Callable[[SymbolKey], bytes | None]


class SnapshotService:
    """Answers for the venues it was given; venues may join while it runs."""

    def __init__(self, service: Service, present: Present) -> None:
        self._service = service
        self._present = present
        self._venues: set[str] = set()

    @classmethod
    async def start(cls, client: BulkClient, present: Present) -> "SnapshotService":
        """Register the service; `present` gives an instrument's rows, or None where it is unknown."""
        config = ServiceConfig(name=NAME, version=VERSION, description="The present state of an instrument.")
        return cls(await nats.micro.add_service(client, config), present)

    async def serve(self, venue: str) -> None:
        """Answer for a venue; again changes nothing."""
        if venue in self._venues:
            return
        self._venues.add(venue)
        await self._service.add_endpoint(
            EndpointConfig(name=venue, subject=f"snapshot.{venue}.*", handler=self._answer)
        )

    async def _answer(self, request: Request) -> None:
        try:
            key = SymbolKey.from_token(request.subject.removeprefix("snapshot."))
        except SymbolError as error:
            await request.respond_error("400", str(error))
            return
        value = self._present(key)
        if value is None:
            await request.respond_error("404", f"{key} is not listed")
        else:
            await request.respond(value)
