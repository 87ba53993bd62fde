"""Ports: chosen once, remembered, and chosen again only when another program has taken them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"


def choose_ports(
    preferred: Mapping[str, int | None],
    remembered: Mapping[str, int],
    is_free: Callable[[int], bool],
    any_free: Callable[[], int],
) -> dict[str, int]:
    """Choose a port for every name: the remembered one, else the preferred one, else any; no port is given twice."""
    chosen: dict[str, int] = {}
    for name, wish in preferred.items():
        wanted = [port for port in (remembered.get(name), wish) if port is not None]
        usable = (port for port in wanted if port not in chosen.values() and is_free(port))
        chosen[name] = next(usable, None) or _fresh(any_free, chosen)
    return chosen


def _fresh(any_free: Callable[[], int], chosen: Mapping[str, int]) -> int:
    for _ in range(100):
        port = any_free()
        if port not in chosen.values():
            return port
    raise OSError("the system gave 100 times a free port that was given before")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port; one whose last connections still linger counts as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def any_free() -> int:
    """Let the system name a port that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def read_ports(path: Path) -> dict[str, int]:
    """Read the remembered ports; a missing or damaged file remembers none."""
    try:
        ports = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(ports, dict):
        return {}
    return {str(name): port for name, port in ports.items() if isinstance(port, int) and 0 < port < 65536}


def write_ports(path: Path, ports: Mapping[str, int]) -> None:
    """Remember the ports for the next run."""
    path.write_text(json.dumps(dict(ports)))
