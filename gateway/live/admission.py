"""Who may come in, and how much each may have: the bounds on connections and on what a user watches. Pure.

All counts are of this process. What is held is bounded by what is connected: the last to leave takes the entry along.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from gateway.live.close_codes import CloseCode
from gateway.live.token_bucket import TokenBucket

PATIENCE_S = 1.0
"""How long a newcomer waits at most for its turn; whoever would wait longer is refused."""

_Key = TypeVar("_Key")

_BURST_S = 0.1  # the accepts of so long may come at once: they are work for that long, during which no frame leaves
_RETURN_AFTER_MS = 1000
_RETURN_WITHIN_S = 30.0  # the refused are given turns over so long at most, and any beyond that at random within it


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a connection is turned away: a stable code, the bound in words, and how to close it."""

    code: str
    message: str
    close_code: CloseCode
    retry_after_ms: int | None = None
    """When to come back; None: not before something changes at the client."""


class Admitted:
    """One connection that was let in, from `arrive` to `leave`. Only `Admission` changes it."""

    __slots__ = ("address", "is_here", "symbols", "user", "wait_s")

    def __init__(self, address: str, wait_s: float) -> None:
        self.address = address
        self.wait_s = wait_s
        """For how long to do nothing for it yet; it counts already."""
        self.user: UUID | None = None
        self.symbols = 0
        """How many it watches."""
        self.is_here = True


def retry_after_ms(base_ms: float, spread_ms: float, random: Callable[[], float]) -> int:
    """Advise when to come back: `base_ms` and up to `spread_ms` more, so that not all come at once.

    `random` returns numbers from 0 up to, but not including, 1.
    """
    return int(base_ms + spread_ms * random())


class Admission:
    """Counts connections by address and user, and lets in as many as each, and the process, may have.

    The order of a connection's life is `arrive`, `prove`, any number of `watch` and `unwatch`, and `leave`, which may
    come at any point after `arrive`, more than once. `now_s` is seconds of one clock that never goes back.
    """

    def __init__(
        self,
        *,
        accepts_per_s: float,
        connections_per_address: int,
        connections_per_user: int,
        connections_unproven: int,
        symbols_per_user: int,
        random: Callable[[], float],
    ) -> None:
        burst = max(1.0, accepts_per_s * _BURST_S)
        self._accepts_per_s = accepts_per_s
        self._turns = TokenBucket(accepts_per_s, burst)
        self._returns = TokenBucket(accepts_per_s, burst)
        self._connections_per_address = connections_per_address
        self._connections_per_user = connections_per_user
        self._connections_unproven = connections_unproven
        self.symbols_per_user = symbols_per_user
        self._random = random
        self._by_address: Counter[str] = Counter()
        self._by_user: Counter[UUID] = Counter()
        self._symbols_by_user: Counter[UUID] = Counter()
        self.connections = 0
        """How many are let in, the unproven among them."""
        self.being_refused = 0
        """How many are being told that they may not come in; kept by whoever tells them."""
        self.unproven = 0
        """How many wait for their turn or have not said yet who they are."""

    @property
    def addresses(self) -> int:
        """How many addresses have a connection."""
        return len(self._by_address)

    @property
    def users(self) -> int:
        """How many users have a connection."""
        return len(self._by_user)

    def arrive(self, address: str, now_s: float) -> Admitted | Refusal:
        """Let a new connection in, after its `wait_s`, or refuse it; a refused one costs others nothing.

        `address` is what counts as one client: see `counted_address`.
        """
        if self._by_address[address] >= self._connections_per_address:
            bound = f"an address has at most {self._connections_per_address} connections to a gateway process"
            return Refusal("too_many_connections", f"{bound}; close one first", CloseCode.TOO_MANY)
        if self.unproven >= self._connections_unproven:
            bound = f"at most {self._connections_unproven} connections may be waiting to authenticate"
            return self._busy(f"the gateway is busy: {bound}", now_s)
        wait_s = self._turns.take(now_s, PATIENCE_S)
        if wait_s > PATIENCE_S:
            bound = (
                f"it takes {self._accepts_per_s:g} new connections a second, and {PATIENCE_S:g} s of them wait already"
            )
            return self._busy(f"the gateway is busy: {bound}", now_s)
        self._by_address[address] += 1
        self.connections += 1
        self.unproven += 1
        return Admitted(address, wait_s)

    def prove(self, admitted: Admitted, user: UUID) -> Refusal | None:
        """Note who a connection belongs to; None if that user may have it. A refused one still has to `leave`.

        Proving the same user again changes nothing. A connection never changes hands: its symbols are counted for one
        user. Raises ValueError for one that has left.
        """
        if not admitted.is_here:
            raise ValueError("a connection that has left proves nothing")
        if admitted.user is not None:
            if admitted.user == user:
                return None
            message = "this connection belongs to another user; open one of your own"
            return Refusal("other_user", message, CloseCode.UNAUTHENTICATED)
        if self._by_user[user] >= self._connections_per_user:
            bound = f"a user has at most {self._connections_per_user} connections to a gateway process"
            return Refusal("too_many_connections", f"{bound}; close one first", CloseCode.TOO_MANY)
        admitted.user = user
        self._by_user[user] += 1
        self.unproven -= 1
        return None

    def watch(self, admitted: Admitted, wanted: int) -> int:
        """Count up to `wanted` more symbols for a connection's user; return how many of them it may watch.

        None for a connection that is not proven, or has left meanwhile.
        """
        user = admitted.user
        if user is None or not admitted.is_here:
            return 0
        granted = max(0, min(wanted, self.symbols_per_user - self._symbols_by_user[user]))
        self._count_symbols(admitted, user, granted)
        return granted

    def unwatch(self, admitted: Admitted, count: int) -> None:
        """Give `count` of a connection's symbols back, or all it has if that is fewer."""
        if admitted.user is not None:
            self._count_symbols(admitted, admitted.user, -max(0, min(count, admitted.symbols)))

    def leave(self, admitted: Admitted) -> None:
        """Give back all that a connection counted for."""
        if not admitted.is_here:
            return
        self.unwatch(admitted, admitted.symbols)
        admitted.is_here = False
        self.connections -= 1
        _take_one(self._by_address, admitted.address)
        if admitted.user is None:
            self.unproven -= 1
        else:
            _take_one(self._by_user, admitted.user)

    def _count_symbols(self, admitted: Admitted, user: UUID, change: int) -> None:
        admitted.symbols += change
        self._symbols_by_user[user] += change
        if not self._symbols_by_user[user]:
            del self._symbols_by_user[user]

    def _busy(self, message: str, now_s: float) -> Refusal:
        """Refuse, and say when to come back: the refused are given turns as if they stood in a queue."""
        turn_s = self._returns.take(now_s, _RETURN_WITHIN_S)
        if turn_s > _RETURN_WITHIN_S:
            advice_ms = retry_after_ms(_RETURN_AFTER_MS, 1000 * _RETURN_WITHIN_S, self._random)
        else:
            advice_ms = retry_after_ms(_RETURN_AFTER_MS + 1000 * turn_s, _RETURN_AFTER_MS, self._random)
        return Refusal("busy", message, CloseCode.TRY_AGAIN_LATER, advice_ms)


def _take_one(counts: Counter[_Key], key: _Key) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
