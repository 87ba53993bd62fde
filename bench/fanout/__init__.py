"""Fan-out: what an update costs on its way to many clients, beside three other ways to send it."""

from pathlib import Path

from bench.fanout import crowd, opening, paced, per_frame, stuck
from bench.fanout.scene import MOST_CLIENTS, allow_many_sockets
from bench.processes import RoleError
from bench.stack import StackError, running_stack
from bench.table import Line

PARTS = {
    "paced": paced.measure,
    "per_frame": per_frame.measure,
    "opening": opening.measure,
    "stuck": stuck.measure,
    "crowd": crowd.measure,
}
WITHIN_S = 480.0


async def measure(folder: Path) -> list[Line]:
    """Measure every part on one stack, each with a gateway of its own; a part that fails is said so, and passed over."""
    if not allow_many_sockets():
        raise StackError(f"the limit of open files does not allow {MOST_CLIENTS} clients")
    lines: list[Line] = []
    async with running_stack(folder) as stack:
        for name, part in PARTS.items():
            own = folder / name
            own.mkdir()
            try:
                lines += await part(own, stack)
            except RoleError as error:
                lines.append(Line(name, "NOT MEASURED", notes=str(error)))
    return lines
