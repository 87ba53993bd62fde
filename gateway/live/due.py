"""Which subscriptions are to be served now: those with something new, of clients whose turn it is. Pure.

This is looked at for every subscription in every round, so it is compiled.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.live import clients, subscriptions
from gateway.live.compiled import compiled


class Due(NamedTuple):
    """Rows to be served, client after client: places of a subscription table, and what they need."""

    row: npt.NDArray[np.intp]
    topic: npt.NDArray[np.intp]
    mask: npt.NDArray[np.uint16]
    """The fields to be sent."""
    since: npt.NDArray[np.int64]
    """The position from which on they are to be sent, where the channel is a log."""


def room_for(rows: int) -> Due:
    """Make room for so many rows."""
    return Due(np.empty(rows, np.intp), np.empty(rows, np.intp), np.empty(rows, np.uint16), np.empty(rows, np.int64))


@compiled
def find_due(
    table: subscriptions.Columns,
    readers: clients.Columns,
    position: npt.NDArray[np.int64],
    tick: int,
    start: int,
    stop: int,
    enough: int,
    due: Due,
) -> tuple[int, int]:
    """Find the due rows from `start` on, until there are `enough` and their last client's are complete.

    Returns how many were put into `due`, which has room for all from `start` to `stop`, and the row to go on from.
    """
    count = first = client = 0
    at = start
    while at < stop:
        if table.pending[at] and readers.free_tick[table.client[at]] <= tick and table.due_tick[at] <= tick:
            if table.sent[at] >= position[table.topic[at]]:
                table.pending[at] = 0  # the client had that change with its snapshot: it is nothing new to it
            else:
                if table.client[at] != client:
                    _begin_where_left_off(readers, client, due, first, count)
                    if count >= enough:
                        break
                    client, first = table.client[at], count
                due.row[count] = at
                count += 1
        at += 1
    else:
        _begin_where_left_off(readers, client, due, first, count)
    for place in range(count):
        row = due.row[place]
        due.topic[place] = table.topic[row]
        due.mask[place] = table.pending[row] | table.owed[row]
        due.since[place] = table.sent[row]
    return count, at


@compiled
def _begin_where_left_off(readers: clients.Columns, client: int, due: Due, first: int, end: int) -> None:
    """Put the rows first that a client's socket did not take last time: the others have had their turn."""
    left_off = readers.left_off[client]
    if left_off < 0:
        return
    readers.left_off[client] = -1
    split = first
    while split < end and due.row[split] < left_off:
        split += 1
    if first < split < end:
        due.row[first:end] = np.concatenate((due.row[split:end], due.row[first:split]))
