from __future__ import annotations

import pytest

from infra.local.restart import RestartPolicy, describe_exit


def test_delay_doubles_up_to_the_bound() -> None:
    policy = RestartPolicy()
    delays = [policy.delay_s(failures) for failures in range(1, 9)]
    assert delays == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0])


def test_delay_stays_at_the_bound_however_often_it_failed() -> None:
    assert RestartPolicy().delay_s(1_000_000) == 10.0


@pytest.mark.parametrize(("lived_s", "failures"), [(0.0, 5), (29.9, 5), (30.0, 1), (1e6, 1)])
def test_a_healthy_while_forgives_the_past(lived_s: float, failures: int) -> None:
    assert RestartPolicy().failures_after(4, lived_s) == failures


@pytest.mark.parametrize(
    ("code", "text"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-200, "signal 200")]
)
def test_exit_is_told_in_words(code: int, text: str) -> None:
    assert describe_exit(code) == text
