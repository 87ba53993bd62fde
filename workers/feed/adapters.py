"""The adapters there are, by the name that a feed specification begins with."""

from collections.abc import Callable

from workers.feed import iex, sim
from workers.feed.adapter import Adapter, FeedSpec, SpecError

ADAPTERS: dict[str, Callable[[FeedSpec], Adapter]] = {"iex": iex.from_spec, "sim": sim.from_spec}


def open_adapter(text: str) -> Adapter:
    """Make the adapter that a specification asks for; raises SpecError."""
    spec = FeedSpec.parse(text)
    make = ADAPTERS.get(spec.name)
    if make is None:
        raise SpecError(f"there is no feed {spec.name!r}; there are {', '.join(sorted(ADAPTERS))}")
    return make(spec)
