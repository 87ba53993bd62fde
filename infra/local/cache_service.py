"""The Redis-compatible cache as the local stack runs it: in memory only, what it holds may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.local import programs
from infra.local.folder import write_private
from infra.local.probes import cache_answers
from infra.local.service import Service

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{store}"
save ""
appendonly no
maxmemory 256mb
maxmemory-policy allkeys-lru
"""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Where the server listens, its working folder and its password."""

    port: int
    store: Path
    password: str

    @property
    def url(self) -> str:
        """The address for the platform's processes."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


def cache_service(settings: CacheSettings, log: Path) -> Service | None:
    """Declare the cache server, or return None where this machine has none."""
    program = programs.cache_server()
    if program is None:
        return None
    config = settings.store / "cache.conf"

    async def prepare() -> None:
        settings.store.mkdir(parents=True, exist_ok=True)
        text = CONFIG.format(port=settings.port, password=settings.password, store=settings.store)
        write_private(config, text)

    return Service(
        name="cache",
        argv=(str(program), str(config)),
        cwd=settings.store,
        log=log,
        prepare=prepare,
        probe=cache_answers(settings.url),
    )
