"""What a candle worker is told."""

from typing import Annotated

from msgspec import Meta

from market.candles.checks import FoldRules
from mesh.settings import MeshSettings, WindowMs

_NS_PER_S = 1e9


class CandleSettings(MeshSettings, frozen=True, kw_only=True):
    """Settings of `python -m workers.candle`."""

    postgres_dsn: Annotated[str, Meta(min_length=1)]
    candle_member: str = ""  # empty: the host's name and the process's number
    candle_window_ms: WindowMs = 15.0  # less than a third of the time between two frames of a client
    checkpoint_interval_s: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    candle_bound_s: Annotated[float, Meta(ge=0, le=2)] = 2.0
    candle_lateness_s: Annotated[float, Meta(ge=0, le=60)] = 60.0
    candle_idle_s: Annotated[float, Meta(ge=0.1, le=600)] = 5.0
    candle_future_s: Annotated[float, Meta(ge=0, le=10_000_000)] = 5.0
    candle_lease_s: Annotated[float, Meta(ge=0.5, le=60)] = 5.0
    candle_outbox_rows: Annotated[int, Meta(ge=10_000, le=10_000_000)] = 1_000_000

    @property
    def rules(self) -> FoldRules:
        """The rules of every fold."""
        return FoldRules(
            bound_ns=int(self.candle_bound_s * _NS_PER_S),
            lateness_ns=int(self.candle_lateness_s * _NS_PER_S),
            future_ns=int(self.candle_future_s * _NS_PER_S),
        )
