"""`docs/alerts.md` against the rules: conditions, states, outcomes, every bound, every refusal."""

import ast
import re
from collections.abc import Callable

import msgspec

from market.alerts.alert import Outcome
from market.alerts.commands import (
    MAX_ALERTS,
    MAX_CHANNELS,
    MAX_COOLDOWN_S,
    MAX_NOTE_CHARACTERS,
    MAX_PERCENT,
    MAX_THRESHOLD,
    MAX_YEARS,
)
from market.alerts.rule import HYSTERESIS, Condition, State
from market.alerts.touch import MAX_SENT_PER_HOUR
from workers.alert.settings import AlertSettings
from workers.alert.upkeep import LEAST_FIRINGS

PAGE = "docs/alerts.md"

TableUnder = Callable[[str, str], list[list[str]]]


def names_under(table_under: TableUnder, heading: str) -> list[str]:
    return [row[0].strip("`") for row in table_under(PAGE, heading)]


def test_conditions_states_and_outcomes_are_the_rules(table_under: TableUnder) -> None:
    assert names_under(table_under, "Lines") == list(Condition)
    assert names_under(table_under, "States") == [each for each in State if each not in {State.DORMANT, State.DELETED}]
    assert names_under(table_under, "Firings") == list(Outcome)
    assert HYSTERESIS == 0.001


def test_bounds_are_the_rules(table_under: TableUnder) -> None:
    documented = [int(re.findall(r"\d+", row[1])[0]) for row in table_under(PAGE, "Bounds")]
    prices = [int(MAX_THRESHOLD), int(MAX_PERCENT)]
    counts = [MAX_ALERTS, MAX_SENT_PER_HOUR, MAX_COOLDOWN_S, MAX_YEARS, MAX_CHANNELS, MAX_NOTE_CHARACTERS]
    assert documented == [*prices, *counts]


def test_what_is_kept_is_what_the_settings_say(table_under: TableUnder) -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(AlertSettings)}
    documented = [int(row[1]) for row in table_under(PAGE, "What is kept")]
    assert documented == [defaults["alert_kept_days"], LEAST_FIRINGS, defaults["alert_kept_firings"]]


def test_refusals_are_the_rules(table_under: TableUnder, trees_of: Callable[[str], list[ast.Module]]) -> None:
    documented = {row[0].strip("`"): int(row[1]) for row in table_under(PAGE, "Refusals")}
    raised = {
        each.args[0].value: each.args[2].value if len(each.args) > 2 else 422
        for tree in trees_of("market/alerts")
        for each in ast.walk(tree)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "Refused"
    }
    assert documented == {**raised, "invalid_field": 422}
