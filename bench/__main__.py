"""`python -m bench [NAME …]`: measure, and print one table."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import (
    bulk_reader,
    end_to_end,
    first_snapshot,
    latency,
    machine,
    pieces,
    quote_lane,
    tape_lane,
)
from bench.alerts import crash
from bench.alerts import index as alerts_index
from bench.alerts import live as alerts_live
from bench.alerts import worker as alerts_worker
from bench.candles import checkpoint, closing, fold, live, rest, store, worker
from bench.fanout import crowd, market_open, paced, per_frame, stuck
from bench.portfolios import commands, valuation
from bench.portfolios import rest as portfolios_rest
from bench.processes import RoleError
from bench.stack import StackError
from bench.table import Line, as_markdown, as_text
from infra.local.service import NotReady

Benchmark = Callable[[Path], Awaitable[list[Line]]]

BENCHMARKS: dict[str, Benchmark] = {
    "quote": quote_lane.measure,
    "tape": tape_lane.measure,
    "reader": bulk_reader.measure,
    "latency": latency.measure,
    "snapshot": first_snapshot.measure,
    "end_to_end": end_to_end.measure,
    "pieces": pieces.measure,
}
GROUPS: dict[str, dict[str, Benchmark]] = {  # run only when named, whole or in parts
    "fanout": {
        "fanout_paced": paced.measure,
        "fanout_frame": per_frame.measure,
        "fanout_open": market_open.measure,
        "fanout_stuck": stuck.measure,
        "fanout_crowd": crowd.measure,
    },
    "candles": {
        "candles_fold": fold.measure,
        "candles_checkpoint": checkpoint.measure,
        "candles_worker": worker.measure,
        "candles_store": store.measure,
        "candles_closing": closing.measure,
        "candles_rest": rest.measure,
        "candles_live": live.measure,
    },
    "portfolios": {
        "portfolios_commands": commands.measure,
        "portfolios_rest": portfolios_rest.measure,
        "portfolios_valuation": valuation.measure,
    },
    "alerts": {
        "alerts_index": alerts_index.measure,
        "alerts_worker": alerts_worker.measure,
        "alerts_crash": crash.measure,
        "alerts_live": alerts_live.measure,
    },
}
EVERY = BENCHMARKS | {name: measure for group in GROUPS.values() for name, measure in group.items()}
NAMED = [*GROUPS, *(name for group in GROUPS.values() for name in group)]
WITHIN_S = 120.0  # each; one that takes longer is ended, and said so
LONGER_WITHIN_S = 300.0  # of those of groups that build much first
_LONGER = {*GROUPS["candles"], *GROUPS["alerts"]}


def main() -> None:
    """Read the arguments, run what they name (all by default); exit with 1 where something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"one of {', '.join(BENCHMARKS)}, which are all run by default, or of {', '.join(NAMED)}",
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write the table there too, as Markdown",
    )
    arguments = parser.parse_args()
    names = [part for name in arguments.names or BENCHMARKS for part in GROUPS.get(name, (name,))]
    unknown = set(names) - set(EVERY)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join([*BENCHMARKS, *NAMED])}")
    with tempfile.TemporaryDirectory(prefix="tickmesh-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may run under another account, and must get through
        head, lines, failed = asyncio.run(_run(names, folder))
    if arguments.markdown is not None:
        arguments.markdown.write_text("\n\n".join((*head, as_markdown(lines))) + "\n")
    sys.exit(int(failed > 0))


async def _run(names: list[str], folder: Path) -> tuple[list[str], list[Line], int]:
    average, is_busy = machine.load()
    head = [machine.describe(folder), f"load average at the start: {average}"]
    if is_busy:
        head.append("THE MACHINE WAS BUSY before the first benchmark: figures are worse than it could give.")
    print("\n".join(head), flush=True)
    lines, failed, paces = [], 0, []
    for name in names:
        began_s, pace_ms = time.monotonic(), machine.pace_ms()
        within_s = LONGER_WITHIN_S if name in _LONGER else WITHIN_S
        own = folder / name
        own.mkdir(mode=0o711)
        print(f"{name} …", end=" ", flush=True)
        try:
            lines += await asyncio.wait_for(EVERY[name](own), within_s)
        except (RoleError, NotReady, StackError, TimeoutError) as error:
            failed += 1
            lines.append(
                Line(
                    name,
                    "NOT MEASURED",
                    notes=str(error) or f"took longer than {within_s:g} s",
                )
            )
        took_s = time.monotonic() - began_s
        paces.append(f"{name} {pace_ms:.0f} and {machine.pace_ms():.0f} ms")
        print(f"{took_s:.0f} s", flush=True)
    head.append(f"a fixed sum on one core, before and after: {', '.join(paces)}")
    print(head[-1])
    print(as_text(lines))
    return head, lines, failed


if __name__ == "__main__":
    main()
