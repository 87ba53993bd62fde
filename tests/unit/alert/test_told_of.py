"""Which firings become messages: each that is sent, and one for all of a user's that the limit keeps back."""

from datetime import UTC, datetime
from uuid import UUID

from market.alerts.alert import Firing, Outcome
from market.alerts.rule import Condition
from workers.alert.teller import told_of

NOON = datetime(2026, 3, 5, 17, tzinfo=UTC)


def firing(number: int, user: int, outcome: Outcome) -> Firing:
    return Firing(
        id=UUID(int=number),
        alert_id=UUID(int=number),
        user=UUID(int=user),
        symbol="XNYS:S7",
        condition=Condition.ABOVE,
        threshold=100.0,
        price=101.0,
        fired_at=NOON,
        side=1,
        tape_sequence=1,
        row=number,
        outcome=outcome,
        note="",
        recorded_at=NOON,
        seen_at=None,
    )


def test_one_stands_for_all_that_a_user_s_limit_keeps_back() -> None:
    sent = [firing(number, 1 + number % 2, Outcome.SENT) for number in range(20)]
    kept_back = [firing(number, 1 + number % 2, Outcome.LIMIT) for number in range(20, 1020)]
    assert told_of([*kept_back[:500], *sent, *kept_back[500:]]) == [*sent, *kept_back[-2:]]


def test_what_cools_down_is_told_nowhere() -> None:
    assert told_of([firing(1, 1, Outcome.COOLDOWN)]) == []
