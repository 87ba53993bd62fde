"""A lease that is given up stays so."""

import asyncio

from mesh.actor.lease import Leases
from tests.integration.actor.conftest import Tape

LEASE_S = 60.0


async def test_a_renewal_that_waited_does_not_take_a_lease_back(tape: Tape) -> None:
    leases = await Leases.open(tape.js, "given-up", "a", LEASE_S)
    lease = await leases.take(0)
    async with lease._lock:
        giving_up = asyncio.create_task(lease.give_up())
        renewing = asyncio.create_task(lease._write(lease.value))
        await asyncio.sleep(0)  # both wait, in this order
    await asyncio.gather(giving_up, renewing)
    assert lease.value.owner == ""
    async with asyncio.timeout(LEASE_S / 2):
        assert (await leases.take(0)).value.owner == "a"
