"""What a portfolio worker is told."""

from typing import Annotated

from msgspec import Meta

from mesh.settings import MeshSettings


class PortfolioSettings(MeshSettings, frozen=True, kw_only=True):
    """Settings of `python -m workers.portfolio`."""

    postgres_dsn: Annotated[str, Meta(min_length=1)]
    portfolio_member: str = ""  # empty: the host's name and the process's number
    portfolio_lease_s: Annotated[float, Meta(ge=0.5, le=60)] = 3.0
    portfolio_connections: Annotated[int, Meta(ge=1, le=100)] = 4  # for imports and corrections; the rest share one
