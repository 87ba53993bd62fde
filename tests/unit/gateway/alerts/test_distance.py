"""How far an alert is from firing."""

import math

import pytest

from gateway.alerts.distance import distance_percent

UNKNOWN = math.nan


@pytest.mark.parametrize(
    ("condition", "threshold", "last", "distance"),
    [
        ("ABOVE", 110.0, 100.0, 10.0),
        ("BELOW", 95.0, 100.0, -5.0),
        ("ABOVE", 99.0, 100.0, -1.0),
        ("BELOW", 1.0, 1.0, 0.0),
    ],
)
def test_it_is_the_move_to_the_line(condition: str, threshold: float, last: float, distance: float) -> None:
    alert = {"condition": condition, "threshold": threshold, "reference": "created", "reference_price": None}
    assert distance_percent(alert, last, UNKNOWN) == distance
    assert distance_percent(alert, UNKNOWN, 100.0) is None


@pytest.mark.parametrize(("last", "distance"), [(104.0, 5.7692), (96.0, -6.25), (100.0, 10.0)])
def test_of_two_lines_the_nearer_counts(last: float, distance: float) -> None:
    created = {"condition": "CHANGE_PCT", "threshold": 10.0, "reference": "created", "reference_price": 100.0}
    assert distance_percent(created, last, 1.0) == pytest.approx(distance, abs=1e-4)
    moving = created | {"reference": "prev_close", "reference_price": None}
    assert distance_percent(moving, last, 100.0) == pytest.approx(distance, abs=1e-4)
    assert distance_percent(moving, last, UNKNOWN) is None


def test_a_fall_by_more_than_all_is_no_line() -> None:
    alert = {"condition": "CHANGE_PCT", "threshold": 200.0, "reference": "created", "reference_price": 100.0}
    assert distance_percent(alert, 50.0, UNKNOWN) == pytest.approx(500.0)
