"""What an alert worker is told."""

from typing import Annotated

from msgspec import Meta

from market.alerts.commands import MAX_ALERTS
from mesh.settings import MeshSettings


class AlertSettings(MeshSettings, frozen=True, kw_only=True):
    """Settings of `python -m workers.alert`."""

    postgres_dsn: Annotated[str, Meta(min_length=1)]
    alert_member: str = ""  # empty: the host's name and the process's number
    alert_lease_s: Annotated[float, Meta(ge=0.5, le=60)] = 3.0
    checkpoint_interval_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0  # each holds all rules, some 50 bytes for one
    alert_connections: Annotated[int, Meta(ge=1, le=100)] = 8
    alert_max_per_user: Annotated[int, Meta(ge=1, le=100_000)] = MAX_ALERTS  # that are active
    alert_kept_days: Annotated[int, Meta(ge=31, le=36_500)] = 400  # dead letters can be sent again for 30
    alert_kept_firings: Annotated[int, Meta(ge=1000, le=1_000_000)] = 10_000  # of a user
