"""What a command changes and what it is answered with: a function of the command and of what was before, of no more.

A worker does, for each command of a batch, in the order of LEDGER:

    wanted = wanted_by(command)                        # load: the portfolio(s), these holdings, this entry
    symbols = history_needed(command, account)         # load: what takes effect in these symbols, mostly none
    decision = decide(command, sequence, account)
    if decision.changes: account.take(decision.changes)
"""

from dataclasses import dataclass
from uuid import UUID

from market.ledger.account import Account, Changes
from market.ledger.commands import Command


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client is told: an HTTP status and the members of a JSON document, in their order.

    A refusal (404, 409, 422) has `code`, `detail`, mostly `field`, and what was allowed or held.
    """

    status: int
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a command, and what to write before it is given; None where nothing changes."""

    answer: Answer
    changes: Changes | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be known before a command can be decided.

    `portfolio`: this one if it is open and the user's; None: all of the user's that are open. `symbols`: the holdings of
    these. `transaction`: this entry and the one that corrects it.
    """

    portfolio: UUID | None = None
    symbols: frozenset[str] = frozenset()
    transaction: UUID | None = None


def wanted_by(command: Command) -> Wanted:
    """Say what to load for a command, from the command alone."""
    raise NotImplementedError


def history_needed(command: Command, account: Account) -> frozenset[str]:
    """Say of which symbols `decide` must be given all that takes effect (and the holding); mostly of none.

    `account` has what `wanted_by` asked for.
    """
    raise NotImplementedError


def decide(command: Command, sequence: int, account: Account) -> Decision:
    """Decide a command with its sequence on LEDGER; `account` is the user's and is not changed."""
    raise NotImplementedError
