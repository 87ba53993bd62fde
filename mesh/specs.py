"""What can be declared of NATS: streams, consumers and buckets, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream: its subjects and its bounds; the oldest messages go first when one is reached.

    `max_age_s` 0: no age is too old. `is_kept`: nothing ever goes, and a full stream takes nothing more.
    `is_work_queue`: a message goes as soon as it is acknowledged, not before, and a full stream takes nothing more.
    `takes_batches`: see `mesh.batch_publisher`.
    """

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    max_age_s: float
    replicas: int
    description: str
    is_kept: bool = False
    is_work_queue: bool = False
    takes_batches: bool = False


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """A durable pull consumer of a stream.

    `ack_all`: an acknowledgement is for everything before it as well. `start_sequence`: where it begins, 0 for the
    stream's first message. `inactive_s`: how long nobody may ask before the server removes it, 0 for ever. `in_memory`:
    whoever reads keeps its own place and makes it anew, so the server need not write down where it is.
    """

    stream: str
    name: str
    filter_subject: str
    ack_wait_s: float
    max_ack_pending: int
    description: str
    ack_all: bool = False
    start_sequence: int = 0
    inactive_s: float = 0.0
    in_memory: bool = False


@dataclass(frozen=True, slots=True)
class KeyValueSpec:
    """A key-value bucket; a value is gone `ttl_s` after it was put, 0: never."""

    name: str
    replicas: int
    max_value_bytes: int
    description: str
    ttl_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ObjectsSpec:
    """An object bucket."""

    name: str
    replicas: int
    description: str


Spec = StreamSpec | ConsumerSpec | KeyValueSpec | ObjectsSpec
