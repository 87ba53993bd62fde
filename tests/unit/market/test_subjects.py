"""Subjects and the partitions of the tape."""

import hashlib
from uuid import UUID

import numpy as np
import pytest

from market import subjects
from market.symbols import SymbolError, SymbolKey

BRK_B = SymbolKey("XNYS", "BRK.B")

# Written once, to be compared with for ever: a partition that moves would tear an instrument's tape in two.
SIXTEEN = [0, 9, 3, 13, 7, 1, 11, 5, 15, 8, 2, 12, 6, 0, 10, 4, 14, 8, 1, 11, 5, 15, 9, 3, 13, 7, 1, 10, 4, 14, 8, 2]
LARGE = {2**16: 7, 2**20 + 1: 3, 10**5 - 1: 12, 2**31: 8, 2**32 - 1: 6}
DIGEST_OF_256 = "17c152cd6b5939ee588e77c52b45c92706621f1bc80fc95b6ebb4762a97c742c"
USERS = [13, 13, 15, 5, 4, 6, 9, 3, 2, 15, 11, 14]
USERS_OF_256 = [222, 212, 241, 88, 77, 106, 154, 57, 36, 241, 188, 236]
OF_256 = [0, 158, 60, 218, 120, 23, 181, 83, 241, 143, 46, 204, 106, 8, 167, 69]


def test_every_lane_names_an_instrument_by_its_token() -> None:
    named = {lane: getattr(subjects, lane)(BRK_B) for lane in ("quote", "trade", "depth", "snapshot")}
    assert named == {lane: f"{lane}.XNYS.BRK=2EB" for lane in named}


def test_status_is_named_by_venue_and_the_tape_by_partition() -> None:
    assert subjects.status("XNYS") == "status.XNYS"
    assert subjects.tape(15) == "tape.15"


def test_alerts_are_told_by_user_and_notifications_by_kind() -> None:
    user, alert = UUID(int=1), UUID(int=2)
    assert subjects.alerts(15) == "alerts.15"
    assert subjects.alert_fired(user, alert) == subjects.alerts_fired(user).replace("*", str(alert))
    assert subjects.dead_notification("email") == f"dlq.{subjects.notify('email')}"


def test_a_status_subject_needs_a_valid_venue() -> None:
    with pytest.raises(SymbolError, match="venue 'XN>'"):
        subjects.status("XN>")


def test_partitions_never_change() -> None:
    assert subjects.partitions_of(np.arange(32)).tolist() == SIXTEEN
    assert subjects.partitions_of(list(LARGE)).tolist() == list(LARGE.values())
    assert subjects.partitions_of(np.arange(16), 256).tolist() == OF_256
    everywhere = subjects.partitions_of(np.arange(0, 2**32, 4093), 256)
    assert hashlib.sha256(everywhere.tobytes()).hexdigest() == DIGEST_OF_256


@pytest.mark.parametrize("dtype", [">u4", "<u4", np.int64, np.uint64, np.intp])
def test_partitions_do_not_depend_on_the_numbers_dtype(dtype: str) -> None:
    assert subjects.partitions_of(np.arange(32).astype(dtype)).tolist() == SIXTEEN


@pytest.mark.parametrize("partitions", [1, 2, 4, 16, 64, 256])
def test_instruments_spread_evenly_over_all_partitions(partitions: int) -> None:
    counts = np.bincount(subjects.partitions_of(np.arange(100_000), partitions), minlength=partitions)
    assert len(counts) == partitions
    assert counts.min() > 0.95 * 100_000 / partitions
    assert counts.max() < 1.05 * 100_000 / partitions


@pytest.mark.parametrize("partitions", [-2, 0, 3, 10, 255, 512])
def test_a_number_of_partitions_that_is_no_power_of_two_is_refused(partitions: int) -> None:
    with pytest.raises(ValueError, match=f"partitions is {partitions}; it must be a power of two from 1 to 256"):
        subjects.partitions_of(np.arange(4), partitions)


def test_a_user_stays_in_one_partition_of_the_ledger() -> None:
    assert [subjects.partition_of_user(UUID(int=number)) for number in range(12)] == USERS
    assert [subjects.partition_of_user(UUID(int=number), 256) for number in range(12)] == USERS_OF_256
    assert subjects.partition_of_user(UUID(int=1), 1) == 0
    assert subjects.ledger(7) == "ledger.7"
    with pytest.raises(ValueError, match="partitions is 12"):
        subjects.partition_of_user(UUID(int=1), 12)


@pytest.mark.parametrize("partitions", [2, 16, 256])
def test_users_spread_over_all_partitions(partitions: int) -> None:
    counts = np.bincount([subjects.partition_of_user(UUID(int=n), partitions) for n in range(20_000)])
    assert len(counts) == partitions
    assert counts.min() > 0.6 * 20_000 / partitions
