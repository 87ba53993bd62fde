"""What a feed process is told."""

from typing import Annotated

from msgspec import Meta

from mesh.settings import MeshSettings, WindowMs


class FeedSettings(MeshSettings, frozen=True, kw_only=True):
    """Settings of `python -m workers.feed`."""

    feed: str = "sim"
    quote_window_ms: WindowMs = 20.0  # at most one state per instrument in it; 0 turns conflation off
    depth_window_ms: WindowMs = 100.0
    tape_linger_ms: WindowMs = 10.0
    cache_interval_ms: Annotated[float, Meta(ge=50, le=60_000)] = 500.0
    checkpoint_interval_s: Annotated[float, Meta(ge=1, le=3600)] = 10.0
