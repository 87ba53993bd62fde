"""One kind of live subject, subscribed on NATS for exactly the instruments that somebody watches."""

from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from gateway.interest import Interest
from market.instrument import Instrument
from market.symbols import SymbolKey
from mesh.bulk_client import BulkSubscription
from mesh.connection import Connection


class Lane:
    """Counts watchers and keeps the subscriptions; an instrument's number is the bulk subscription's slot."""

    def __init__(
        self, connection: Connection, bulk: BulkSubscription, subject: Callable[[SymbolKey], str], linger_s: float
    ) -> None:
        self._connection = connection
        self._bulk = bulk
        self._subject = subject
        self._interest = Interest(linger_s)

    def __len__(self) -> int:
        return len(self._bulk.sids)

    def __contains__(self, number: int) -> bool:
        return number in self._bulk.sids

    def numbers(self) -> list[int]:
        """List the instruments subscribed."""
        return list(self._bulk.sids)

    def watch(self, instruments: Sequence[Instrument]) -> list[Instrument]:
        """Watch instruments, once more each; return those that were not subscribed before.

        Raises TooManySubscriptionsError, with the instruments counted as watched all the same: `unwatch` them.
        """
        self._interest.add([int(each.number) for each in instruments])
        fresh = {int(each.number): each for each in instruments if each.number not in self._bulk.sids}
        subjects = {number: self._subject(each.key) for number, each in fresh.items()}
        self._connection.subscribe_many(self._bulk, subjects)
        return list(fresh.values())

    def unwatch(self, numbers: Iterable[int]) -> None:
        """Watch instruments once less each; they stay subscribed for the linger time."""
        self._interest.remove(numbers, monotonic())

    def sweep(self, now_s: float) -> list[int]:
        """Unsubscribe, and return, what nobody has watched for the linger time."""
        expired = self._interest.expired(now_s)
        self._connection.unsubscribe_many(self._bulk, expired)
        return expired
