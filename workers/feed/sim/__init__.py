"""The simulated market: a live feed of 500 real names, or of 100,000 instruments, made up as it goes.

    sim                       2,000 events/s on average, as busy as the time of day in New York makes it
    sim:rate=2000,seed=1,time=now,profile=day,symbols=500,depth_ms=100,slice_ms=5

`rate` 10 to 1,000,000 events/s; `time` when the simulated clock starts: `now`, `09:30`, `09:30:00` (today) or ISO 8601,
in New York unless it names an offset; `profile` `day` (the rate follows the time of day and is the mean of the regular
session) or `flat` (exact); `symbols` 1 to 100,000, the busiest names first, synthetic ones beyond 500; `depth_ms` the
least time between two books of an instrument, 0 for no depth; `slice_ms` 1 to 100, the time of which events come in one
batch: at a few thousand events/s it is batches that cost, not events.

The same options give the same rows, whatever the pace. Late by more than a second, it leaves slices out and counts
them. Depth is bounded at 10,000 books/s, at any rate.

Cost, one core of a shared 2-core machine, Python 3.11, numpy 2.4, profile flat:

    events/s    500 symbols, depth off    500 symbols, depth 100 ms    100,000 symbols, depth 100 ms
    2,000       10,300 ns/row, 0.02 core  17,500 ns/row, 0.035 core    21,800 ns/row, 0.04 core
    200,000        230 ns/row, 0.05 core     300 ns/row, 0.06 core        610 ns/row, 0.12 core
    1,000,000      152 ns/row, 0.15 core     162 ns/row, 0.16 core        276 ns/row, 0.28 core

With depth, the time of the LEVEL rows is counted among the events': 20,000, 100,000 and 100,000 of them a second for
500 symbols, 200,000 for 100,000 symbols (at 2,000 events/s while the opening's books go out, the first 10 s).
"""

from workers.feed.sim.feed import SimFeed, from_spec

__all__ = ["SimFeed", "from_spec"]
