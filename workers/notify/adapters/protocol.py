"""What an adapter is and what it is given."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from mesh.notify.bodies import Body
from mesh.notify.store import Channel
from workers.notify.words import Words


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notification that is ready to be sent; `id` is the same at each attempt, for receivers that can tell."""

    id: UUID
    body: Body
    words: Words
    channel: Channel


class Adapter(Protocol):
    """A way out. `at_once` bounds the calls of one provider at a time."""

    at_once: int

    def provider(self, channel: Channel) -> str:
        """Name whom a channel depends on: what fails for one of its channels fails for all."""

    async def send(self, parcel: Parcel) -> None:
        """Hand a parcel to the provider; raises Refused or Unavailable. The caller bounds the time."""
