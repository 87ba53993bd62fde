import asyncio
import threading
from collections.abc import Iterator

import pytest

from gateway.accounts.passwords import HashingBusy, Passwords
from gateway.accounts.settings import PasswordSettings

CHEAP = PasswordSettings(time_cost=1, memory_kib=8, threads=2, max_waiting=4)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP)
    yield made
    made.close()


def test_the_default_cost_is_owasps() -> None:
    settings = PasswordSettings()
    assert (settings.memory_kib, settings.time_cost, settings.parallelism) == (19_456, 2, 1)


async def test_right_and_wrong(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "Correct horse")


async def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert not await passwords.verify(None, "correct horse")


async def test_salted(passwords: Passwords) -> None:
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


async def test_a_hash_of_other_cost_still_verifies_and_counts_as_outdated(passwords: Passwords) -> None:
    dearer = Passwords(PasswordSettings(time_cost=2, memory_kib=16))
    stored = await dearer.hash("correct horse")
    dearer.close()
    assert await passwords.verify(stored, "correct horse")
    assert passwords.outdated(stored)
    assert not passwords.outdated(await passwords.hash("correct horse"))


async def test_nobody_costs_the_same_work_as_somebody(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    verify = passwords._hasher.verify

    def noting(stored: str, password: str) -> bool:
        checked.append(stored.rpartition("$")[0].rpartition("$")[0])  # the parameters
        return verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", type("Noting", (), {"verify": staticmethod(noting)})())
    await passwords.verify(None, "correct horse")
    assert checked == ["$argon2id$v=19$m=8,t=1,p=1"]


async def test_a_full_line_turns_away_at_once_and_serves_those_who_wait(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    gate = threading.Event()
    for _ in range(CHEAP.threads):
        passwords._threads.submit(gate.wait, 10)
    waiting = [asyncio.ensure_future(passwords.verify(stored, "correct horse")) for _ in range(CHEAP.max_waiting)]
    await asyncio.sleep(0)
    with pytest.raises(HashingBusy) as caught:
        await passwords.verify(stored, "correct horse")
    assert caught.value.headers == {"Retry-After": "1"}
    gate.set()
    assert await asyncio.gather(*waiting) == [True] * CHEAP.max_waiting
    assert await passwords.verify(stored, "correct horse")


async def test_a_client_that_goes_away_frees_its_place(passwords: Passwords) -> None:
    gate = threading.Event()
    for _ in range(CHEAP.threads):
        passwords._threads.submit(gate.wait, 10)
    waiting = [asyncio.ensure_future(passwords.hash("correct horse")) for _ in range(CHEAP.max_waiting)]
    await asyncio.sleep(0)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    gate.set()
    assert await passwords.hash("correct horse")
