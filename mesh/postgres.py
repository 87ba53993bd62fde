"""What asyncpg says when Postgres is away: whoever asked may ask again."""

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations

# Down, starting, stopping, hanging, out of connections or of disk, or only a replica. InterfaceError and
# InternalClientError also stand for wrong use; the second is what a connection says that was told of a shutdown while
# it was idle, and is used before it is closed.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
