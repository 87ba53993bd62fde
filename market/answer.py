"""What a command is answered with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client is told: an HTTP status and the members of a JSON document, in their order.

    A refusal (404, 409, 422) has `code`, `detail`, mostly `field`, and what was allowed or held.
    """

    status: int
    body: dict[str, object]
