"""Which row of candle_instruments each of the mesh's instrument numbers is."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from market.symbols import SymbolKey
from mesh.candles import sql
from mesh.candles.postgres import Connection

NameOf = Callable[[int], SymbolKey]
"""The name of an instrument's number, as the directory has it."""

_AT_ONCE = 10_000


class InstrumentIds:
    """A table from numbers to ids, filled as they are asked for. 0 stands for "none": ids begin with 1."""

    def __init__(self, name_of: NameOf) -> None:
        self._name_of = name_of
        self._ids = np.zeros(0, np.int32)  # by number: the directory gives them densely

    def forget(self) -> None:
        """Ask for every id again: the database may be another one."""
        self._ids = np.zeros(0, np.int32)

    async def of(self, connection: Connection, numbers: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Give the id of each number; instruments that have none get one."""
        ids = await self.find(connection, numbers)
        missing = np.unique(numbers[ids == 0])
        if not len(missing):
            return ids
        for start in range(0, len(missing), _AT_ONCE):
            venues, symbols = self._names(missing[start : start + _AT_ONCE])
            await connection.execute(sql.ADD_INSTRUMENTS, {"venues": venues, "symbols": symbols})
        return await self.find(connection, numbers)

    async def find(self, connection: Connection, numbers: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Give the id of each number, 0 where the tables do not know the instrument."""
        ids = self._table(int(numbers.max(initial=0)) + 1)  # ours, also where others forget or lengthen it meanwhile
        missing = np.unique(numbers[ids[numbers] == 0])
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            venues, symbols = self._names(some)
            cursor = await connection.execute(sql.INSTRUMENT_IDS, {"venues": venues, "symbols": symbols})
            ids[some] = np.array([found or 0 for (found,) in await cursor.fetchall()], np.int32)
        return ids[numbers]

    def _table(self, length: int) -> NDArray[np.int32]:
        if length > len(self._ids):
            self._ids = np.concatenate(
                [self._ids, np.zeros(max(length, 2 * len(self._ids)) - len(self._ids), np.int32)]
            )
        return self._ids

    def _names(self, numbers: NDArray[np.uint32]) -> tuple[list[str], list[str]]:
        keys = [self._name_of(number) for number in numbers.tolist()]
        return [key.venue for key in keys], [key.symbol for key in keys]
