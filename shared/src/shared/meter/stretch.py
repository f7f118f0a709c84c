"""What a tally is given and gives back: a record, and the stretch of a log that is ready for one transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Protocol

from shared.decode import Row
from shared.meter.position import Anchor, Counts
from shared.meter.register import Delta, RegisterKey

REPLAYS = "replays"
"""Header of a record that replays a dead letter: ``topic/epoch/partition/offset``."""
PLACE = re.compile(r"[A-Za-z0-9._-]{1,249}/[0-9]{1,10}/[0-9]{1,10}/[0-9]{1,19}")
"""What it must look like, as every meter writes it."""


class Record(Protocol):
    """What a tally reads of a Kafka record (``aiokafka.ConsumerRecord`` is one)."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class DeadLetter(NamedTuple):
    """A record that was not counted, with the reason, its bytes and where it was."""

    record: Record
    field: str
    reason: str


class Replay(NamedTuple):
    """A valid record that a person sent again for a dead letter; the database tells whether its position is free."""

    source: str
    """``topic/epoch/partition/offset`` of the dead letter."""
    record: Record
    row: Row
    occurred_ms: int
    """When it happened, in milliseconds since the epoch."""
    duplicate: bool
    """Its id lay in the window."""


@dataclass(slots=True)
class Sealed:
    """A stretch ``[start, next_offset)`` of a partition, folded, ready for one fenced transaction."""

    next_offset: int
    counts: Counts
    deltas: dict[RegisterKey, Delta]
    dead_letters: list[DeadLetter]
    log_time_max_ms: int
    anchor: Anchor | None
    held: list[tuple[Record, Row]]
    """Validated rows that the database decides about inside the transaction (shipments); empty for other channels."""
    replays: list[Replay]
    """Records with the header ``replays``; not in the counts and deltas before ``Tally.with_replays``."""
    topic_is_bad: bool = False
    """The topic's share of bad records passed its limit within this stretch or before it."""
    letters_sent: int = 0
    """So many dead letters, from the first on, are acknowledged; the only thing that changes while it is committed."""


KEPT_BYTES = 2_000
"""What a kept record costs beside its bytes: its objects, and the row of a shipment."""
KEPT_HEADER_BYTES = 200
"""What a header costs beside its bytes: a pair, a text and bytes, each with its head, and their place in a list."""


def kept_bytes_of(record: Record) -> int:
    """Memory of a record that is kept whole, about."""
    headers = sum(KEPT_HEADER_BYTES + len(name) + len(value or b"") for name, value in record.headers)
    return KEPT_BYTES + len(record.key or b"") + len(record.value or b"") + headers


def anchor_of(record: Record) -> Anchor:
    """The fingerprint of a record: SHA-256 over key and value, lengths included."""
    digest = sha256()
    for part in (record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return Anchor(record.offset, record.timestamp, digest.digest())


def replays_of(record: Record) -> str:
    """The position a record replays, or ``""``."""
    for name, value in record.headers:
        if name == REPLAYS and value:  # Kafka allows a header without a value
            return value.decode(errors="replace")[:400]
    return ""
