"""Dead letters: the original bytes and headers of a record that was not counted, with where and why.

They are sent, and acknowledged, before the flush that passes the record, under the key topic/epoch/partition/offset:
a flush that is repeated repeats the letter under the same key, and compaction keeps one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.errors import Transient
from shared.kafka import SOURCE_MESSAGE_BYTES
from shared.meter.position import Position
from shared.meter.stretch import DeadLetter, kept_bytes_of

REASON, FIELD, SOURCE, LOG_TIME, KEY, PREFIX = "reason", "field", "source", "log-time-ms", "record-key", "original-"
CUT = "cut-from-bytes"
"""Header of a letter that holds only the beginning of a record: how many bytes key, value and headers had."""
LETTER_BYTES_MAX = 3 * SOURCE_MESSAGE_BYTES - 65_536
"""What fits the dead-letter topic, with room for the letter's own key and headers."""
PORTION_LETTERS, PORTION_BYTES = 500, 8_388_608
"""Letters that are acknowledged together: a few seconds' work for a slow broker, however many a flush has."""
ACK_TIMEOUT_S = 30.0
"""The producer's own delivery limit; longer means the broker is away."""


def letter_key(position: Position, offset: int) -> bytes:
    """``topic/epoch/partition/offset``: one letter per record, for ever."""
    return f"{position.topic}/{position.log_epoch}/{position.partition}/{offset}".encode()


def letter_headers(position: Position, letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Why, which field, where it was, when it came, its key, and its own headers with a prefix."""
    record = letter.record
    headers = [
        (REASON, letter.reason.encode()),
        (FIELD, letter.field.encode()),
        (SOURCE, letter_key(position, record.offset)),
        (LOG_TIME, str(record.timestamp).encode()),
    ]
    if record.key is not None:
        headers.append((KEY, record.key))
    return headers + [(PREFIX + name, value) for name, value in record.headers]


def letter_content(position: Position, letter: DeadLetter) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """Value and headers of a letter. A record that no letter can hold is cut and says so: it must not stop the log."""
    record, headers = letter.record, letter_headers(position, letter)
    size = len(record.value or b"") + sum(len(name) + len(value or b"") for name, value in headers)
    if size <= LETTER_BYTES_MAX:
        return record.value, headers
    own = [(name, value) for name, value in headers if name in (REASON, FIELD, SOURCE, LOG_TIME)]
    return (record.value or b"")[:SOURCE_MESSAGE_BYTES], [*own, (CUT, str(size).encode())]


def portions(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    """The letters in their order, a portion at a time; one letter at least."""
    start = size = 0
    for at, letter in enumerate(letters):
        size += kept_bytes_of(letter.record)
        if at + 1 - start == PORTION_LETTERS or size >= PORTION_BYTES:
            yield letters[start : at + 1]
            start, size = at + 1, 0
    if start < len(letters):
        yield letters[start:]


async def send_dead_letters(
    producer: AIOKafkaProducer, topic: str, position: Position, letters: Sequence[DeadLetter]
) -> None:
    """Send letters and wait until all are acknowledged. Raises ``Transient``; sending again is harmless."""
    try:
        waiting = []
        for letter in letters:
            value, headers = letter_content(position, letter)
            key = letter_key(position, letter.record.offset)
            waiting.append(await producer.send(topic, value, key=key, headers=headers))
        await asyncio.wait_for(asyncio.gather(*waiting), ACK_TIMEOUT_S)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Transient(f"dead letters not sent to {topic}: {error!r}") from error
