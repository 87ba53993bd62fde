"""`tickmesh`: what an operator does by hand.

Imports history, makes candles again from the tape or checks them, has notifications sent again that were given up. All
is done to the stack that `make up` runs here, or to that in `--stack DIR`. Where TICKMESH_NATS_URL or
TICKMESH_POSTGRES_DSN is set, the environment is meant, as the candle worker has it.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nats.errors import Error as NatsError

from infra.dlq import add_dlq, retry_them, show
from infra.local.address_book import NoStack, read_settings_of
from infra.local.folder import DEFAULT_ROOT
from market.candles.timeframe import Timeframe
from market.symbols import SymbolError, check_venue
from mesh.candles.postgres import StoreAway
from mesh.directory import DirectoryError
from mesh.pool import PostgresAway
from mesh.settings import SettingsError, read_settings
from workers.candle.imports.load import Loaded
from workers.candle.imports.run import BOKEH_VENUES, Asked, bokeh_file, import_history
from workers.candle.imports.source import SourceError
from workers.candle.rebuild import rebuild
from workers.candle.settings import CandleSettings

_ADDRESSES = ("TICKMESH_NATS_URL", "TICKMESH_POSTGRES_DSN")
_FAILED, _DIFFERENT, _INTERRUPTED = 1, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(CandleSettings, environment(options.stack, os.environ))
        if options.command == "import":
            return _told(asyncio.run(import_history(_asked(options), settings)), options)
        return (_dlq if options.command == "dlq" else _candles)(options, settings)
    except (NoStack, SettingsError, SourceError) as error:
        return _failed(str(error))
    except (StoreAway, PostgresAway, DirectoryError, NatsError, TimeoutError, OSError) as error:
        return _failed(f"{str(error) or type(error).__name__}; run it again, it goes on where it was")
    except KeyboardInterrupt:
        return _INTERRUPTED


def environment(stack: Path | None, own: Mapping[str, str]) -> Mapping[str, str]:
    """Choose what is meant: the stack that was named, what our own environment names, or the stack of `make up`."""
    if stack is None and not own.keys().isdisjoint(_ADDRESSES):
        return own
    return {**own, **read_settings_of(stack or DEFAULT_ROOT)}


def _candles(options: argparse.Namespace, settings: CandleSettings) -> int:
    outcome = asyncio.run(rebuild(settings, options.partition, options.since, writes=options.action == "rebuild"))
    for timeframe, tally in outcome.tallies.items():
        counts = ", ".join(f"{each.name} {getattr(tally, each.name)}" for each in fields(tally))
        _say(f"{timeframe.text:>3}: {counts}")
    if options.action == "rebuild":
        _say(f"{outcome.total.equal} were equal, {outcome.written} written")
        return 0
    if outcome.behind:
        _say(f"the tables do not hold all of partitions {', '.join(map(str, outcome.behind))} yet: does a worker run?")
    return 0 if outcome.total.is_same else _DIFFERENT


def _dlq(options: argparse.Namespace, settings: CandleSettings) -> int:
    if options.action == "list":
        asyncio.run(show(settings, options.kind, _say))
        return 0
    ids = None if options.all else options.ids
    is_whole = asyncio.run(retry_them(settings, settings.postgres_dsn, options.kind, ids, _say))
    return 0 if is_whole else _FAILED


def _asked(options: argparse.Namespace) -> Asked:
    file, venue = (bokeh_file(), "XNAS") if options.bokeh else (options.file, options.venue)
    if file is None or venue is None:
        raise SourceError("say which FILE and its --venue, or --bokeh")
    return Asked(
        file=file,
        timeframe=Timeframe.of(options.timeframe),
        venue=venue,
        symbol=options.symbol,
        zone=options.zone,
        columns=dict(options.columns),
        enlists=options.enlist or options.bokeh,
        is_dry=options.dry_run,
        is_strict=options.strict,
        venues=BOKEH_VENUES if options.bokeh else {},
    )


def _told(loaded: Loaded, options: argparse.Namespace) -> int:
    for bad in loaded.shown:
        _say(f"line {bad.line}: {bad.reason}")
    for reason, count in sorted(loaded.bad.items()):
        _say(f"{count} rows: {reason}")
    if loaded.was_finished:
        _say(f"already imported: {loaded.before} rows")
    elif options.dry_run or (options.strict and loaded.bad):
        _say(f"{loaded.rows} rows read, {loaded.bad.total()} of them bad; nothing was written")
    else:
        _say(f"{loaded.rows} rows read, {loaded.bad.total()} of them bad; {loaded.written} new candles")
    return _FAILED if options.strict and loaded.bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tickmesh", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--stack", type=Path, metavar="DIR", help="the folder of a stack that runs here")
    history = commands.add_parser(
        "import", parents=[where], help="load daily or minute candles from a CSV or Parquet file"
    )
    history.add_argument("file", nargs="?", type=Path, metavar="FILE")
    history.add_argument("--bokeh", action="store_true", help="the daily candles that bokeh_sampledata brings")
    history.add_argument("--venue", type=_venue, help="a market identifier code, such as XNAS")
    history.add_argument("--symbol", help="of all rows, where no column says it")
    history.add_argument("--timeframe", choices=("1d", "1m"), default="1d")
    history.add_argument("--zone", type=_zone, default=ZoneInfo("UTC"), help="of times without one")
    history.add_argument("--columns", type=_columns, default=(), help="open=Open,time=When: the file's own names")
    history.add_argument("--enlist", action="store_true", help="list symbols that are not listed yet")
    history.add_argument("--dry-run", action="store_true", help="say what is bad, write nothing")
    history.add_argument("--strict", action="store_true", help="write nothing where a row is bad")
    candles = commands.add_parser("candles", help="compare the tables with the tape")
    actions = candles.add_subparsers(dest="action", required=True)
    for name, text in (("rebuild", "write what the tape says"), ("verify", "only compare; 1 where they differ")):
        action = actions.add_parser(name, parents=[where], help=text)
        action.add_argument(
            "--from", type=_time, dest="since", metavar="TIME", help="only candles that end after it, ISO 8601"
        )
        action.add_argument("--partition", type=int, action="append", default=[], help="only this one; repeatable")
    add_dlq(commands, where)
    return parser


def _venue(text: str) -> str:
    try:
        check_venue(text)
    except SymbolError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-03-02T14:30Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"there is no zone {text!r}") from None


def _columns(text: str) -> list[tuple[str, str]]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and equals and column for name, equals, column in pairs):
        raise argparse.ArgumentTypeError("the form is open=Open,time=When")
    return [(name, column) for name, _, column in pairs]


def _say(text: str) -> None:
    print(text)  # noqa: T201  # the command's answer


def _failed(text: str) -> int:
    print(f"tickmesh: {text}", file=sys.stderr)  # noqa: T201  # to whoever called it
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
