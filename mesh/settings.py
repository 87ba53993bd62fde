"""Settings: read from the environment once, at a process's entry point, into a frozen value.

A field `nats_url` is the variable `TICKMESH_NATS_URL`. Bounds stand with the fields.
"""

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

PREFIX = "TICKMESH_"

Port = Annotated[int, Meta(ge=1, le=65535)]
WindowMs = Annotated[float, Meta(ge=0, le=10_000)]


class SettingsError(ValueError):
    """A setting is missing or out of bounds; the message names the variable and the bound."""


class MeshSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every process needs."""

    nats_url: Annotated[str, Meta(min_length=1)]
    cache_url: str = ""  # empty: run without the cache
    max_bulk_subscriptions: Annotated[int, Meta(ge=1, le=8_000_000)] = 1_000_000
    log_level: Annotated[str, Meta(pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")] = "INFO"
    partitions: Annotated[int, Meta(ge=1, le=256)] = 16  # a power of two
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1
    tape_max_bytes: Annotated[int, Meta(ge=1 << 20)] = 4 << 30
    tape_max_age_hours: Annotated[float, Meta(gt=0, le=100_000)] = 72.0
    candles_max_bytes: Annotated[int, Meta(ge=1 << 20)] = 1 << 30
    ledger_max_bytes: Annotated[int, Meta(ge=1 << 20)] = 4 << 30
    alerts_max_bytes: Annotated[int, Meta(ge=1 << 20)] = 4 << 30

    def __post_init__(self) -> None:
        """Refuse what no bound of a single field can say."""
        if self.partitions.bit_count() != 1:
            raise ValueError(f"{PREFIX}PARTITIONS: {self.partitions} is not a power of two from 1 to 256")


Settings = TypeVar("Settings", bound=MeshSettings)


def read_settings(kind: type[Settings], environment: Mapping[str, str]) -> Settings:
    """Read one process's settings; raises SettingsError."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    given = {
        name: environment[PREFIX + name.upper()]
        for name in fields
        if environment.get(PREFIX + name.upper()) is not None
    }
    for name, field in fields.items():
        if field.required and name not in given:
            raise SettingsError(f"{PREFIX}{name.upper()} is not set")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        message, at, path = str(error).partition(" - at `$.")
        if not at:  # about several fields, which the message names
            raise SettingsError(message) from None
        raise SettingsError(f"{PREFIX}{path.rstrip('`').upper()}: {message}") from None
