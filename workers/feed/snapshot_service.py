"""The micro service on `snapshot.<exch>.<symbol>` and `snapshot.<exch>`: present values for whoever asks.

The answer about one instrument is its STATE row, followed by its 20 LEVEL rows where depth is known; an unknown symbol
is answered with the service error 404. The answer about many, named in the request, is their STATE rows, without those
that are unknown. https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md
"""

from collections.abc import Callable

import nats.micro
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, Service, ServiceConfig

from market import rows, subjects
from market.symbols import SymbolError, SymbolKey
from mesh.bulk_client import BulkClient

NAME, VERSION = "snapshot", "1.1.0"
MAX_SYMBOLS = 1000  # of one request: their rows are 138 KB
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
        await self._service.add_endpoint(
            EndpointConfig(name=f"{venue}-many", subject=subjects.snapshots(venue), handler=self._answer_many)
        )

    async def _answer_many(self, request: Request) -> None:
        venue = request.subject.removeprefix("snapshot.")
        tokens = request.data.decode(errors="replace").split()
        if len(tokens) > MAX_SYMBOLS:
            await request.respond_error("400", f"{len(tokens)} symbols; a request names at most {MAX_SYMBOLS}")
            return
        try:
            keys = [SymbolKey.from_token(f"{venue}.{token}") for token in tokens]
        except SymbolError as error:
            await request.respond_error("400", str(error))
            return
        found = [self._present(key) for key in keys]
        await request.respond(b"".join(value[: rows.STATE.width_bytes] for value in found if value is not None))

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
