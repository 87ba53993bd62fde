"""nats-server as the local stack runs it: one server, loopback, three accounts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from infra.local import programs
from infra.local.folder import write_private
from infra.local.probes import nats_answers
from infra.local.service import Service

TEMPLATE = Path(__file__).parents[1] / "nats" / "local.conf"
READY_WITHIN_S = 60.0  # recovering a tape of some gigabytes takes a while
# Go looks for garbage as soon as there is as much of it as there is to keep, which here is little. A quarter as often
# is enough, and the server takes some hundred megabytes more while it is busy.
_GARBAGE_PERCENT = "400"


class _Config(Template):
    delimiter = "@"  # nats-server's own variables begin with $


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """Where the server listens and stores, and the passwords of its three users."""

    port: int
    store: Path
    mesh_password: str
    guest_password: str
    system_password: str

    @property
    def url(self) -> str:
        """The address for the platform's own processes."""
        return f"nats://mesh:{self.mesh_password}@127.0.0.1:{self.port}"

    @property
    def guest_url(self) -> str:
        """The address for direct subscribers, who need no credentials."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def system_url(self) -> str:
        """The address for the system account: server statistics, no market data."""
        return f"nats://system:{self.system_password}@127.0.0.1:{self.port}"


def render_config(template: str, settings: NatsSettings) -> str:
    """Fill the settings into a configuration template, each quoted. Raises KeyError for a name it does not know."""
    values: Mapping[str, str | int] = {
        "port": settings.port,
        "store_dir": _quoted(str(settings.store)),
        "mesh_password": _quoted(settings.mesh_password),
        "guest_password": _quoted(settings.guest_password),
        "system_password": _quoted(settings.system_password),
    }
    return _Config(template).substitute(values)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # nats-server knows no \\u escape


def nats_service(settings: NatsSettings, log: Path) -> Service:
    """Declare the nats-server; its configuration is written anew before every start. Raises `ProgramMissing`."""
    config = settings.store / "nats.conf"

    async def prepare() -> None:
        settings.store.mkdir(parents=True, exist_ok=True)
        write_private(config, render_config(TEMPLATE.read_text(), settings))

    return Service(
        name="nats",
        argv=(str(programs.nats_server()), "-c", str(config)),
        cwd=settings.store,
        log=log,
        env=os.environ | {"GOGC": _GARBAGE_PERCENT},
        prepare=prepare,
        probe=nats_answers(settings.port),
        ready_within_s=READY_WITHIN_S,
    )
