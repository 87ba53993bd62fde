"""What changed between two valuations of one portfolio, as it is told to those who saw the first."""

from market.portfolio.valuation import Body

# What changes with every look at the clock, or follows from the values of other rows.
_NOT_NEWS = frozenset({"price_age_ms", "weight_percent"})
_ROWS = "holdings"
_LEFT_OUT = frozenset({_ROWS, "allocation"})


def delta(before: Body, after: Body) -> Body | None:
    """Give all totals, the rows that are new or others than they were, and the symbols that are `removed`.

    None where nothing changed but the time.
    """
    old = {row["symbol"]: _news(row) for row in before[_ROWS]}
    changed = [row for row in after[_ROWS] if old.pop(row["symbol"], None) != _news(row)]
    totals, totals_before = (
        {name: value for name, value in body.items() if name not in _LEFT_OUT} for body in (after, before)
    )
    if not changed and not old and totals == {**totals_before, "as_of": totals["as_of"]}:
        return None
    return {**totals, _ROWS: changed, "removed": list(old)}


def _news(row: Body) -> Body:
    return {name: value for name, value in row.items() if name not in _NOT_NEWS}
