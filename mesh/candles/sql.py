"""Every statement on the tables of candles. They are the same with TimescaleDB and without."""

from market.candles.timeframe import Timeframe
from mesh.candles.copy_format import COLUMNS

_KEY = ("instrument", "starts_at", "session")
_COLUMN_LIST = ", ".join(COLUMNS)
_SENDERS = (
    ("int4send", ("instrument", "revision", "volume_nano", "turnover_nano")),
    ("int2send", ("session",)),
    ("timestamptz_send", ("starts_at",)),
    ("int8send", ("trades", "volume_whole", "turnover_whole")),
    ("float8send", ("open", "high", "low", "close")),
)
_SENDER = {name: sender for sender, names in _SENDERS for name in names}
_PACKED = " || ".join(f"{_SENDER[name]}({name})" for name in COLUMNS)

MARK = """
INSERT INTO candle_progress AS here (worker, partition, fence, sequence)
SELECT %(worker)s, * FROM unnest(%(partitions)s::smallint[], %(fences)s::bigint[], %(sequences)s::bigint[]) ORDER BY 2
ON CONFLICT (worker, partition) DO UPDATE SET fence = excluded.fence, sequence =
  CASE WHEN excluded.fence > here.fence THEN excluded.sequence ELSE greatest(here.sequence, excluded.sequence) END
 WHERE here.fence <= excluded.fence
RETURNING partition
"""
"""Note how far partitions are; those that another owner has taken over are missing from the answer.

A new fence may set the sequence back: its owner starts at a checkpoint, behind what the last one had written.
"""

PROGRESS = "SELECT partition, sequence FROM candle_progress WHERE worker = %(worker)s"

ROOM = "SELECT candle_room(%(table)s, %(starts)s, %(ends)s)"
RETENTION = "SELECT candle_retention(%(table)s, %(keep_after)s)"

ADD_INSTRUMENTS = """
INSERT INTO candle_instruments (venue, symbol)
SELECT given.venue, given.symbol
  FROM unnest(%(venues)s::text[], %(symbols)s::text[]) AS given (venue, symbol)
 WHERE NOT EXISTS (SELECT FROM candle_instruments AS here WHERE (here.venue, here.symbol) = (given.venue, given.symbol))
 ORDER BY given.venue, given.symbol
ON CONFLICT (venue, symbol) DO NOTHING
"""
"""Give ids to those that have none. In order, so that two who do it at once cannot wait for each other; and only to
those missing, because a row that conflicts uses up an id all the same."""

INSTRUMENT_IDS = """
SELECT here.id
  FROM unnest(%(venues)s::text[], %(symbols)s::text[]) WITH ORDINALITY AS given (venue, symbol, place)
  LEFT JOIN candle_instruments AS here USING (venue, symbol)
 ORDER BY given.place
"""

IMPORT_PROGRESS = """
SELECT rows_done, finished_at FROM candle_imports
 WHERE digest = %(digest)s AND timeframe = %(timeframe)s AND venue = %(venue)s
"""

MARK_IMPORT = """
INSERT INTO candle_imports (digest, timeframe, venue, rows_done, finished_at)
VALUES (%(digest)s, %(timeframe)s, %(venue)s, %(rows_done)s, CASE WHEN %(is_finished)s THEN now() END)
ON CONFLICT (digest, timeframe, venue) DO UPDATE SET rows_done = excluded.rows_done, finished_at = excluded.finished_at
"""


def staging(timeframe: Timeframe) -> str:
    """Name the connection's own table that a batch is copied into."""
    return f"staging_{timeframe.table}"


def make_staging(timeframe: Timeframe) -> str:
    """Make that table; it is empty at the end of every transaction."""
    return f"CREATE TEMP TABLE IF NOT EXISTS {staging(timeframe)} (LIKE candle_shape) ON COMMIT DELETE ROWS"


def copy_in(timeframe: Timeframe) -> str:
    """Take a batch, as `copy_format.copy_blocks` writes it."""
    return f"COPY {staging(timeframe)} ({_COLUMN_LIST}) FROM STDIN (FORMAT binary)"


def upsert(timeframe: Timeframe) -> str:
    """Put the batch into its table: a candle is replaced by one of a higher (revision, trades), and by no other.

    The batch must hold each candle once. In order of the key, so that two writers cannot wait for each other.
    """
    changed = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in _KEY)
    return (
        f"INSERT INTO {timeframe.table} AS here ({_COLUMN_LIST})"  # noqa: S608  # names of ours
        f" SELECT {_COLUMN_LIST} FROM {staging(timeframe)} ORDER BY {', '.join(_KEY)}"
        f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {changed}"
        " WHERE (excluded.revision, excluded.trades) > (here.revision, here.trades)"
    )


def newest_between(timeframe: Timeframe) -> str:
    """Read the newest `limit` candles that start in [starts, ends), the newest first."""
    return _select(timeframe) + " ORDER BY starts_at DESC, session DESC LIMIT %(limit)s"


def oldest_between(timeframe: Timeframe) -> str:
    """Read the oldest `limit` candles that start in [starts, ends), the oldest first."""
    return _select(timeframe) + " ORDER BY starts_at, session LIMIT %(limit)s"


def all_between(timeframe: Timeframe) -> str:
    """Read all candles of several instruments that start in [starts, ends)."""
    return (
        f"SELECT {_COLUMN_LIST} FROM {timeframe.table}"  # noqa: S608  # names of ours
        " WHERE instrument = ANY(%(instruments)s::integer[]) AND starts_at >= %(starts)s AND starts_at < %(ends)s"
        " ORDER BY starts_at, session"
    )


def packed(select: str) -> str:
    """Read the same rows as one value, `copy_format.PACKED` row after row, in no certain order; NULL for no row.

    One value instead of one message a row, as COPY gives them too: a tenth of the reader's time.
    """
    return f"SELECT string_agg({_PACKED}, ''::bytea) FROM ({select}) AS found"  # noqa: S608  # a statement of ours


def _select(timeframe: Timeframe) -> str:
    return (
        f"SELECT {_COLUMN_LIST} FROM {timeframe.table}"  # noqa: S608  # names of ours
        " WHERE instrument = %(instrument)s AND starts_at >= %(starts)s AND starts_at < %(ends)s"
        " AND session = ANY(%(sessions)s::smallint[])"
    )
