"""What it costs to keep a million portfolios valued: their memory, a fresh price vector, and prices that change."""

import asyncio
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.processes import Figures, Line, running
from bench.table import Line as TableLine
from market.portfolio.holders import Holders
from market.portfolio.positions import Held, Positions
from market.portfolio.prices import Prices, PriceTable
from market.row_type import Rows, take
from market.state import blank_states

PORTFOLIOS, HOLDINGS, PARTITIONS, INSTRUMENTS = 1_000_000, 10, 16, 10_000
CHANGES_PER_S, SECONDS, AT_ONCE = 100_000, 3, 500
WATCHED, WINDOWS_PER_S = PORTFOLIOS // 100, 4
PEER_PORTFOLIOS = 10_000
GOAL_S, GOAL_MB = 0.5, 250.0
_OF_PARTITION = PORTFOLIOS // PARTITIONS


async def take_apart(line: Line) -> None:
    """Build them, then measure one thing after the other."""
    generator = np.random.default_rng(6)
    partitions = [_partition(generator) for _ in range(PARTITIONS)]
    line.say(megabytes=sum(each.size_bytes for each in partitions) / 1e6)
    price = generator.integers(10**8, 5 * 10**10, INSTRUMENTS)
    prices = Prices(price, price + 10**6, np.zeros(INSTRUMENTS, np.int64))
    took_s = [_revalued_s(partitions, prices) for _ in range(5)]
    line.say(revalued_s=float(np.median(took_s)))
    line.say(peer_s=_peer_s(partitions[0], prices))
    some = [generator.choice(_OF_PARTITION, WATCHED // PARTITIONS, replace=False) for _ in partitions]
    line.say(watched_s=_changed_s(partitions, some, WINDOWS_PER_S, generator))
    line.say(all_s=_changed_s(partitions, [each.rows() for each in partitions], 1, generator))
    await asyncio.sleep(0)


def _partition(generator: np.random.Generator) -> Positions:
    positions = Positions()
    positions.reserve(_OF_PARTITION, _OF_PARTITION * HOLDINGS)
    shape = (_OF_PARTITION, HOLDINGS)
    instruments = generator.integers(0, INSTRUMENTS, shape).astype(np.uint32)
    quantity, cost = generator.integers(1, 10**11, shape), generator.integers(1, 10**13, shape)
    ids = generator.bytes(16 * _OF_PARTITION)
    for place in range(_OF_PARTITION):
        held = Held(instruments[place], quantity[place], cost[place])
        positions.put(ids[16 * place : 16 * place + 16], 1, 10**12, 2, held)
    return positions


def _revalued_s(partitions: list[Positions], prices: Prices) -> float:
    began_s = time.process_time()
    for each in partitions:
        each.totals(each.rows(), prices)
    return time.process_time() - began_s


def _changed_s(
    partitions: list[Positions], watched: list[npt.NDArray[np.intp]], windows_per_s: int, generator: np.random.Generator
) -> float:
    """Give the processor time for a second of price changes: into the table, whom they touch, what those are worth."""
    table, count = PriceTable(), CHANGES_PER_S // windows_per_s
    table.reserve(INSTRUMENTS)
    table.merge(*_changes(generator, INSTRUMENTS, 0))
    holders = [Holders(*each.instruments(np.sort(rows))) for each, rows in zip(partitions, watched, strict=True)]
    took_s = 0.0
    for window in range(1, SECONDS * windows_per_s + 1):
        numbers, states = _changes(generator, count, window * count)
        reads = [np.arange(first, min(first + AT_ONCE, count)) for first in range(0, count, AT_ONCE)]
        parts = [(numbers[each], take(states, each)) for each in reads]
        began_s = time.process_time()
        changed = np.unique(np.concatenate([table.merge(*part) for part in parts]))
        for positions, index in zip(partitions, holders, strict=True):
            positions.totals(index.of(changed), table.prices)
        took_s += time.process_time() - began_s
    return took_s / SECONDS


def _changes(generator: np.random.Generator, count: int, first: int) -> tuple[npt.NDArray[np.intp], Rows]:
    states = blank_states(count)
    states["sequence"] = first + 1 + np.arange(count)
    states["last"] = np.round(generator.uniform(1, 500, count), 2)
    return generator.integers(0, INSTRUMENTS, count), states


def _peer_s(positions: Positions, prices: Prices) -> float:
    """Value some with a Python loop over floats, as it is often done; give the time for all."""
    rows = positions.rows()[:PEER_PORTFOLIOS]
    held = [[column.tolist() for column in positions.held(int(row))] for row in rows]
    price = (prices.price / 1e8).tolist()
    began_s = time.process_time()
    for instruments, quantities, costs in held:
        value = cost = 0.0
        for instrument, quantity, each_cost in zip(instruments, quantities, costs, strict=True):
            value += round(quantity / 1e8 * price[instrument], 2)
            cost += round(each_cost / 1e8, 2)
    return (time.process_time() - began_s) * PORTFOLIOS / PEER_PORTFOLIOS


async def measure(folder: Path) -> list[TableLine]:
    """Measure in a process of its own; processor time, which others on the machine do not add to."""
    figures: Figures = {}
    async with running(folder, take_apart) as role:
        while "all_s" not in figures:
            figures |= await role.answer(within_s=100)
    million = f"{PORTFOLIOS:,} portfolios x {HOLDINGS} holdings of {INSTRUMENTS:,} instruments"
    return [
        TableLine(
            "valuation, memory",
            f"{figures['megabytes']:.0f} MB",
            f"<= {GOAL_MB:g} MB",
            figures["megabytes"] <= GOAL_MB,
            notes=f"{million}, in {PARTITIONS} partitions: exact quantities and costs, cash, ids and their table.",
        ),
        TableLine(
            "valuation, a fresh price vector",
            f"{figures['revalued_s']:.2f} s a core",
            f"<= {GOAL_S:g} s",
            figures["revalued_s"] <= GOAL_S,
            f"a Python loop over floats: {figures['peer_s']:.1f} s, {figures['peer_s'] / figures['revalued_s']:.0f} x",
            f"{million}: each exact and rounded to the cent, then summed: value, cost, day's change. Processor time.",
        ),
        TableLine(
            f"valuation, {CHANGES_PER_S:,} price changes/s",
            f"{figures['all_s']:.2f} s of a core a second",
            "<= 1 s",
            figures["all_s"] <= 1.0,
            notes=f"{million}, all that a change touches valued anew every second. With {WATCHED:,} of them watched, "
            f"and those valued {WINDOWS_PER_S} times a second, {figures['watched_s']:.2f} s. Processor time.",
        ),
    ]
