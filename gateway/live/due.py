"""Which subscriptions are to be served now: those with something new, of clients whose turn it is. Pure.

This is looked at for every subscription in every round, so it is compiled.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.live import clients, subscriptions
from gateway.live.subscriptions import NOBODY
from market.compiled import compiled


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
    count = first = 0
    client, is_free, went_to = NOBODY, False, stop
    for at in range(start, stop):
        if table.client[at] != client:
            if readers.left_off[client] >= 0 and first < count:
                _begin_where_left_off(readers.left_off, client, due.row[first:count])
            if count >= enough:
                went_to = at
                break
            client, first = table.client[at], count
            is_free = readers.free_tick[client] <= tick
        # Asked in this order as most clients are not due, and most subscriptions of those who are have something new.
        if is_free and table.pending[at] and table.due_tick[at] <= tick:
            if table.sent[at] < position[table.topic[at]]:
                due.row[count] = at
                count += 1
            else:
                table.pending[at] = 0  # the client had that change with its snapshot: it is nothing new to it
    if readers.left_off[client] >= 0 and first < count:
        _begin_where_left_off(readers.left_off, client, due.row[first:count])
    for place in range(count):
        row = due.row[place]
        due.topic[place] = table.topic[row]
        due.mask[place] = table.pending[row] | table.owed[row]
        due.since[place] = table.sent[row]
    return count, went_to


@compiled
def _begin_where_left_off(left_off: npt.NDArray[np.int64], client: int, own: npt.NDArray[np.intp]) -> None:
    """Put the rows first that a client's socket did not take last time: the others have had their turn."""
    split = np.searchsorted(own, left_off[client])
    own[:] = np.concatenate((own[split:], own[:split]))
    left_off[client] = -1
